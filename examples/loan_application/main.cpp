// Plays ten applications for a loan, prints what happened to each, and checks how they ended.
//
//   loan_application [--store memory:|sqlite:///PATH|dynamodb://...] [--offer-valid MILLISECONDS]
//
// Exit code: 0 all ended as they should; 1 one did not, or something failed; 2 wrong options.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <sagabus/bus.hpp>
#include <sagabus/sync_wait.hpp>
#include <stdexcept>

#include "cast.hpp"
#include "common/storage.hpp"
#include "loan_saga.hpp"
#include "messages.hpp"
#include "services.hpp"
#include "timeline.hpp"

namespace {

constexpr std::chrono::seconds kTimeout{60};

int run(const std::string& store_uri, std::chrono::milliseconds offer_valid) {
  const examples::Storage storage = examples::open_storage(store_uri);
  const loans::Cast cast =
      loans::make_cast("loan-" + sagabus::new_nonce(*sagabus::system_random()));
  loans::Timeline timeline(cast);
  sagabus::Bus bus({
      .transport = storage.messages.transport,
      .store = storage.store,
      .sagas = {loans::loan_saga({.offer_valid = offer_valid})},
      .services = {loans::bank(cast), loans::applicants(cast, offer_valid / 2), timeline.archive()},
      .middleware = {timeline.middleware()},
      .ambient = {.log = sagabus::stderr_logger(sagabus::LogLevel::warning)},
  });
  sagabus::sync_wait(bus.start());
  for (const auto& [id, applicant] : cast) {
    sagabus::sync_wait(
        bus.publish(loans::ApplicationSubmitted{id, applicant.name, applicant.amount}));
  }
  const bool in_time = timeline.wait_for_all(kTimeout);
  sagabus::sync_wait(bus.stop());
  timeline.print();
  for (const std::string& problem : timeline.problems()) {
    fmt::print(stderr, "loan_application: {}\n", problem);
  }
  if (!in_time) {
    fmt::print(stderr, "loan_application: not all had ended after {} s\n", kTimeout.count());
  }
  return in_time && timeline.problems().empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::string store;
  unsigned offer_valid = 1000;
  CLI::App app("Plays ten applications for a loan, and checks how they ended.");
  app.add_option("--store", store,
                 "memory:, sqlite:///PATH or dynamodb://TABLE?region=...&endpoint=...\n"
                 "(default: SQLite in a temporary directory)");
  app.add_option("--offer-valid", offer_valid, "How many milliseconds an offer stands")
      ->check(CLI::Range(10, 30'000))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    return run(store, std::chrono::milliseconds(offer_valid));
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help
    fmt::print(stderr, "loan_application: {}\n", e.what());
    return 2;
  } catch (const std::invalid_argument& e) {
    fmt::print(stderr, "loan_application: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "loan_application: {}\n", e.what());
    return 1;
  }
}
