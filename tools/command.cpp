#include "command.hpp"

#include <fmt/format.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>
#include <charconv>
#include <csignal>
#include <thread>
#include <vector>

#include "sagabus/error.hpp"

namespace sagabus::tools {
namespace {

namespace asio = boost::asio;

unsigned read_count(const std::string& name, const std::string& text, unsigned least,
                    unsigned most) {
  unsigned count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || stop != end || count < least || count > most) {
    throw CLI::ValidationError(
        fmt::format("{}: '{}', expected a whole number from {} to {}", name, text, least, most));
  }
  return count;
}

}  // namespace

void add_store_option(CLI::App& verb, std::string& uri) {
  verb.add_option("--store", uri,
                  "memory:, sqlite:///PATH or\ndynamodb://TABLE?region=REGION&endpoint=URL")
      ->type_name("URI")
      ->envname("SAGABUS_STORE")
      ->required();
}

void add_transport_option(CLI::App& verb, std::string& uri, const std::string& forms) {
  verb.add_option("--transport", uri, forms)
      ->type_name("URI")
      ->envname("SAGABUS_TRANSPORT")
      ->required();
}

CLI::Option* add_count_option(CLI::App& verb, const std::string& name, unsigned& value,
                              const std::string& description, unsigned least, unsigned most) {
  const auto read = [name, &value, least, most](const std::string& text) {
    value = read_count(name, text, least, most);
  };
  return verb.add_option_function<std::string>(name, read, description)
      ->type_name("N")
      ->default_str(std::to_string(value));
}

void add_switch(CLI::App& verb, const std::string& name, bool& value,
                const std::string& description) {
  verb.add_flag(name, value, description)->disable_flag_override();
}

Exit run(asio::awaitable<Exit> operation, unsigned threads) {
  asio::io_context context(static_cast<int>(threads));
  const auto strand = asio::make_strand(context);  // cancelling and the operation share one
  asio::cancellation_signal cancel;
  asio::signal_set signals(strand, SIGINT, SIGTERM);
  bool interrupted = false;
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (error) return;
    interrupted = true;
    signals.clear();
    cancel.emit(asio::cancellation_type::terminal);
  });
  std::exception_ptr failure;
  Exit exit = Exit::failed;
  asio::co_spawn(strand, std::move(operation),
                 asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr error, Exit e) {
                   failure = std::move(error);
                   exit = e;
                   signals.cancel();
                 }));
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < threads; ++i) others.emplace_back([&context] { context.run(); });
  context.run();
  others.clear();
  if (!failure) return exit;
  if (interrupted && is_cancellation(failure)) return Exit::interrupted;
  std::rethrow_exception(failure);
}

bool is_cancellation(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

Exit exit_of(const std::exception& error) {
  if (const auto* failure = dynamic_cast<const Failure*>(&error)) return failure->exit();
  if (dynamic_cast<const std::invalid_argument*>(&error)) return Exit::wrong_use;
  if (dynamic_cast<const TableNotFound*>(&error)) return Exit::not_found;
  if (dynamic_cast<const NotFound*>(&error)) return Exit::not_found;
  return Exit::failed;
}

}  // namespace sagabus::tools
