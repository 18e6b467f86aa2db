// What the verbs about instances share.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "command.hpp"
#include "confirm.hpp"
#include "sagabus/saga_tools.hpp"

namespace sagabus::tools {

struct SagaOptions {
  std::string store;
  std::string name;
  bool json = false;
};

// Which instance of the saga.
struct SagaChoice {
  std::string id;
  std::string correlation_id;  // where there is no id
};

// The group `sagabus saga`, made with the first verb that asks for it.
CLI::App& saga_group(CLI::App& app);

// Adds --store and NAME, and the switch --json.
void add_saga_options(CLI::App& verb, SagaOptions& options);
void add_saga_json(CLI::App& verb, SagaOptions& options);

// Adds --id and --correlation; the second function is for the callback, and throws where neither
// was given.
void add_saga_choice(CLI::App& verb, SagaChoice& choice);
void require_choice(const SagaChoice& choice);

// Asks, where it has to, whether the user is sure, and throws Failure where he is not.
void ask_about(const Instance& instance, const Consent& consent, const std::string& question);

// Adds an option that is a length of time.
void add_duration_option(CLI::App& verb, const std::string& name,
                         std::optional<std::chrono::milliseconds>& value,
                         const std::string& description);

// Opens the store, ready to be used. Throws Failure as parse_lasting_store does.
// What it warns of goes to standard error.
boost::asio::awaitable<SagaStore> open_sagas(std::string uri);

// The same; counts in `left_out` what a listing has left out, since it could not read it.
boost::asio::awaitable<SagaStore> open_sagas(std::string uri,
                                             std::shared_ptr<std::uint64_t> left_out);

// Throws Failure with Exit::not_found where there is none.
boost::asio::awaitable<InstancePtr> find_saga(SagaStore store, std::string name, SagaChoice choice);

// What a change of that instance gives; a lost race is Failure with Exit::failed, in the user's
// words.
boost::asio::awaitable<InstancePtr> changed(boost::asio::awaitable<InstancePtr> change,
                                            InstancePtr current);

// "OrderSaga order-1", for sentences about it; safe to print.
std::string name_of(const Instance& instance);

// The clock that instances bear the times of.
TimePoint now_of(const SagaStore& store);

// {"sagaName":...,"sagaId":...,"correlationId":...,"version":...,"outcome":...}: the line that a
// verb prints with --json about what it did to one instance.
Object outcome_of(const Instance& instance, std::string_view outcome);
void print_object(Object object);

// An object that write_instance made, with one member more, whose value is JSON.
void append_member(std::string& object, std::string_view name, std::string_view json);

// Prints a JSON text as a line, safe on a terminal.
void print_json(std::string_view json);

// "in 5m", or "5m ago".
std::string distance(TimePoint moment, TimePoint now);

}  // namespace sagabus::tools
