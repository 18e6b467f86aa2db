// A process that tests start and kill: sqlite_worker MODE PATH [ARGUMENT]. Prints a line for each
// thing that it was told is done.
//
//   write NAME   commits instances NAME-<lane>-<n> and sends messages of that id to "q"
//   claim N      receives N messages of "q", and keeps them
//   consume      receives from "q" and acknowledges, until it is killed
//   open         opens the file as nobody, and prints the error
#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>

#include "sagabus/error.hpp"
#include "sagabus/sqlite/embedded.hpp"
#include "sagabus/sync_wait.hpp"

namespace {

namespace asio = boost::asio;
using namespace sagabus;

void say(const std::string& line) {
  const std::string text = line + '\n';
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) std::_Exit(2);
}

asio::awaitable<void> write_lane(sqlite::Embedded& here, std::string name) {
  for (int i = 0;; ++i) {
    const std::string id = fmt::format("{}-{}", name, i);
    auto instance = std::make_shared<Instance>();
    instance->saga_name = "OrderSaga";
    instance->correlation_id = id;
    instance->saga_id = derive_saga_id("OrderSaga", id);
    instance->version = 1;
    instance->bookkeeping.birth = "b";
    CommitRequest request;
    request.next = instance;
    co_await here.store.backend()->commit(std::move(request));
    say("state " + id);

    auto envelope = std::make_shared<Envelope>();
    envelope->id = id;
    envelope->type = "T";
    SendRequest message;
    message.envelope = envelope;
    message.endpoint = "q";
    std::vector<SendRequest> messages;
    messages.push_back(std::move(message));
    co_await here.transport.backend()->send(std::move(messages));
    say("sent " + id);
  }
}

asio::awaitable<void> consume(sqlite::Embedded& here) {
  for (;;) {
    std::vector<Delivery> them = co_await here.transport.backend()->receive("q", 3);
    for (Delivery& it : them) {
      const std::string id = it.envelope->id;
      say("got " + id);
      co_await here.transport.backend()->acknowledge(std::move(it));
      say("done " + id);
    }
  }
}

void run_lanes(sqlite::Embedded& here, const std::string& mode, const std::string& name) {
  asio::io_context context(1);
  for (int lane = 0; lane < 8; ++lane) {
    auto work =
        mode == "write" ? write_lane(here, fmt::format("{}-{}", name, lane)) : consume(here);
    asio::co_spawn(context, std::move(work), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
  }
  context.run();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const std::string argument = argc > 3 ? argv[3] : "";
  if (argc < 3) return 2;
  if (mode == "open" && ::geteuid() == 0 && ::setuid(65534) != 0) return 2;
  try {
    auto here = sqlite::embedded(argv[2]);
    sync_wait(here.store.backend()->prepare());
    say("open");
    if (mode == "claim") {
      const auto count = static_cast<std::size_t>(std::stoul(argument));
      std::size_t have = 0;
      while (have < count) {
        have += sync_wait(here.transport.backend()->receive("q", count - have)).size();
      }
      say("claimed");
      ::pause();
    }
    if (mode == "write" || mode == "consume") run_lanes(here, mode, argument);
    return 0;
  } catch (const AccessDenied& error) {
    say(std::string("AccessDenied: ") + error.what());
  } catch (const std::exception& error) {
    say(std::string("other: ") + error.what());
  }
  return 1;
}
