#include "verbs/saga.hpp"

#include <fmt/format.h>

#include "duration.hpp"
#include "open_store.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "terminal.hpp"
#include "verbs/lasting_store.hpp"

namespace sagabus::tools {

namespace asio = boost::asio;

CLI::App& saga_group(CLI::App& app) {
  const auto made = app.get_subcommands([](const CLI::App* a) { return a->get_name() == "saga"; });
  if (!made.empty()) return *made.front();
  CLI::App* const group =
      app.add_subcommand("saga", "Show, mend, move and remove instances of a saga");
  group->footer(
      "Examples:\n"
      "  sagabus saga list OrderSaga --store sqlite:///var/lib/orders.db --running\n"
      "  sagabus saga show --help\n");
  return *group;
}

void add_saga_options(CLI::App& verb, SagaOptions& options) {
  add_store_option(verb, options.store);
  const auto problem = [](const std::string& name) -> std::string {
    if (name.empty()) return "the saga's name is empty";
    if (name.front() == '$') return "the saga's name: it begins with $, which no saga's does";
    return name.size() > 1024 ? "the saga's name: expected at most 1,024 bytes" : "";
  };
  verb.add_option("name", options.name, "The saga's name")
      ->type_name("NAME")
      ->required()
      ->check(problem);
}

void add_saga_json(CLI::App& verb, SagaOptions& options) {
  add_switch(verb, "--json", options.json, "Print one JSON object a line");
}

void add_saga_choice(CLI::App& verb, SagaChoice& choice) {
  const auto is_given = [](const std::string& text) {
    return text.empty() ? std::string("empty") : std::string();
  };
  CLI::Option* const id = verb.add_option("--id", choice.id, "The saga id of the instance")
                              ->type_name("SAGA_ID")
                              ->check(is_given);
  verb.add_option("--correlation", choice.correlation_id, "Or its correlation id")
      ->type_name("ID")
      ->check(is_given)
      ->excludes(id);
}

void require_choice(const SagaChoice& choice) {
  if (!choice.id.empty() || !choice.correlation_id.empty()) return;
  throw CLI::ValidationError("--id or --correlation is required: which instance?");
}

void ask_about(const Instance& instance, const Consent& consent, const std::string& question) {
  if (consent.yes) return;
  if (is_sure(question + "? Type its correlation id", instance.correlation_id)) return;
  throw Failure(Exit::failed, "nothing was changed: the answer was not the correlation id");
}

void add_duration_option(CLI::App& verb, const std::string& name,
                         std::optional<std::chrono::milliseconds>& value,
                         const std::string& description) {
  const auto read = [name, &value](const std::string& text) {
    value = parse_duration(text);
    if (value) return;
    throw CLI::ValidationError(fmt::format(
        "{}: '{}', expected a whole number and ms, s, m, h or d, such as 10m", name, text));
  };
  verb.add_option_function<std::string>(name, read, description)->type_name("DURATION");
}

asio::awaitable<SagaStore> open_sagas(std::string uri) {
  return open_sagas(std::move(uri), nullptr);
}

asio::awaitable<SagaStore> open_sagas(std::string uri, std::shared_ptr<std::uint64_t> left_out) {
  Ambient ambient;
  // What cannot be read is not listed: whoever lists has to know.
  const auto tell = [left_out](LogLevel, std::string_view line) {
    fmt::print(stderr, "sagabus: {}\n", escape_controls(line));
    if (left_out && line.find(": left out: ") != std::string_view::npos) ++*left_out;
  };
  ambient.log = Logger(tell, LogLevel::warning);
  const SagaStore store = open_store(parse_lasting_store(uri), ambient);
  co_await store.backend()->prepare();
  co_return store;
}

asio::awaitable<InstancePtr> find_saga(SagaStore store, std::string name, SagaChoice choice) {
  const bool by_id = !choice.id.empty();
  auto finding = by_id ? store.get_by_id(name, choice.id)
                       : store.get_by_correlation_id(name, choice.correlation_id);
  std::optional<Instance> found = co_await std::move(finding);
  if (!found) {
    throw Failure(Exit::not_found,
                  fmt::format("saga {} has no instance with {} {}", escape_controls(name),
                              by_id ? "the id" : "the correlation id",
                              escape_controls(by_id ? choice.id : choice.correlation_id)));
  }
  co_return std::make_shared<const Instance>(std::move(*found));
}

asio::awaitable<InstancePtr> changed(asio::awaitable<InstancePtr> change, InstancePtr current) {
  std::string what;
  try {
    co_return co_await std::move(change);
  } catch (const ConcurrencyError& error) {
    what = fmt::format("has version {} by now, or lives anew", error.actual());
  } catch (const NotFound&) {
    what = "has gone meanwhile";
  }
  throw Failure(Exit::failed, fmt::format("{} was read at version {} and {}: nothing was changed",
                                          name_of(*current), current->version, what));
}

std::string name_of(const Instance& instance) {
  return escape_controls(instance.saga_name) + ' ' + escape_controls(instance.correlation_id);
}

TimePoint now_of(const SagaStore& store) {
  return store.backend()->ambient().clock->now();
}

Object outcome_of(const Instance& instance, std::string_view outcome) {
  Object out{{"sagaName", Value(instance.saga_name)}};
  out.emplace_back("sagaId", Value(instance.saga_id));
  out.emplace_back("correlationId", Value(instance.correlation_id));
  out.emplace_back("version", Value(instance.version));
  out.emplace_back("outcome", Value(outcome));
  return out;
}

void print_object(Object object) {
  print_json(to_json(Value(std::move(object))));
}

void append_member(std::string& object, std::string_view name, std::string_view json) {
  object.pop_back();
  object.append(",\"").append(name).append("\":").append(json).append("}");
}

void print_json(std::string_view json) {
  fmt::print("{}\n", escape_controls(json));
}

std::string distance(TimePoint moment, TimePoint now) {
  return moment < now ? age_text(now - moment) + " ago" : "in " + age_text(moment - now);
}

}  // namespace sagabus::tools
