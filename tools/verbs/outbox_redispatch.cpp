// sagabus outbox redispatch: sends again what is left over, and removes it.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "confirm.hpp"
#include "count_text.hpp"
#include "open_store.hpp"
#include "terminal.hpp"
#include "verbs/lasting_store.hpp"
#include "verbs/outbox.hpp"
#include "verbs/sending.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_outbox_redispatch {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Send again what is left over, and remove it";

constexpr const char* kFooter =
    "This RESENDS. The messages keep their ids, so a saga that got one within its inbox window\n"
    "drops the repeat; a receiver whose window has passed, and that did get the message the first\n"
    "time, handles it twice. Run `sagabus outbox list` first, and choose with --id.\n"
    "\n"
    "The messages of an entry go to all who take their types; then the entry leaves its instance.\n"
    "In a file these are those who subscribed: name the file of your queues, for in another one\n"
    "nobody has, and the messages are lost. On SQS name them with --route, or have\n"
    "topics=true&topic_arns=ARN_PREFIX in the URI. Files take again what they took before; a FIFO\n"
    "queue drops a repeat within five minutes. Where the verb fails, run it again.\n"
    "\n"
    "Settled entries, and those younger than --older-than, are not sent. The write sets the "
    "expiry\n"
    "of a completed instance anew: give a DynamoDB --store the ttl_days of your program; on "
    "SQLite\n"
    "it then has none. Asks on a terminal; elsewhere it needs --yes. Exits with 3 where an --id "
    "is\n"
    "not there.\n"
    "\n"
    "Examples:\n"
    "  sagabus outbox redispatch --store 'dynamodb://sagas?region=us-east-1' \\\n"
    "    --transport 'sqs://shop?region=us-east-1' --route PaymentRequested=payments:orderId \\\n"
    "    --saga OrderSaga --everything --dry-run\n"
    "  sagabus outbox redispatch --store sqlite:///var/lib/orders.db \\\n"
    "    --transport sqlite:///var/lib/queues.db --saga OrderSaga --id SAGA_ID --yes\n";

struct Options : OutboxOptions {
  SendingOptions sending;
  std::vector<std::string> ids;
  bool everything = false;
  Consent consent;
};

struct Ends {
  SagaStore store;
  Transport transport;
};

// A store and a transport in one file are opened as one.
Ends open_ends(const Options& options, const Ambient& ambient) {
  const StoreUri store = parse_lasting_store(options.store);
  const auto* const file = std::get_if<SqliteUri>(&store);
  Transport transport = open_for_sending(options.sending, Repeats::send, ambient);
  if (file && parse_transport_uri(options.sending.transport) == TransportUri(*file)) {
    const sqlite::Embedded both = open_for_resending(*file, ambient);
    return {both.store, both.transport};
  }
  return {open_store(store, ambient), std::move(transport)};
}

// One run of the verb.
class Redispatch {
 public:
  Redispatch(Options options, Ends ends, TimePoint now)
      : options_(std::move(options)), ends_(std::move(ends)), now_(now) {}

  asio::awaitable<void> chosen() {
    std::vector<std::string> missing;
    for (const std::string& id : options_.ids) {
      if (!co_await mend(id)) missing.push_back(escape_controls(id));
    }
    if (missing.empty()) co_return;
    throw Failure(Exit::not_found, fmt::format("saga {} has no instance {}", options_.saga,
                                               fmt::join(missing, ", ")));
  }

  asio::awaitable<void> everything() {
    FindRequest request;
    request.saga_name = options_.saga;
    do {
      const FindPage page = co_await ends_.store.find_by_name(request);
      for (const Instance& instance : page.instances) {
        if (!instance.bookkeeping.outbox.empty()) co_await mend(instance.saga_id);
      }
      request.continuation = page.continuation;
    } while (!request.continuation.empty());
  }

  unsigned count() const { return count_; }

 private:
  // Reads the instance anew: a page, or the command line, may be older. False where there is none.
  asio::awaitable<bool> mend(std::string saga_id) {
    std::optional<Instance> found = co_await ends_.store.get_by_id(options_.saga, saga_id);
    if (!found) co_return false;
    co_await learn_watermarks(ends_.store, *found, watermarks_);
    InstancePtr current = std::make_shared<const Instance>(std::move(*found));
    for (const OutboxFinding& finding : left_over(*current)) require_routes(finding.entry);
    if (options_.consent.dry_run) {
      for (const OutboxFinding& finding : left_over(*current)) print(*current, finding);
      co_return true;
    }
    // Looks anew after each entry: what a bus wrote meanwhile may have settled the next one.
    for (auto todo = left_over(*current); !todo.empty(); todo = left_over(*current)) {
      const InstancePtr before = current;
      auto sending = redispatch(ends_.store, ends_.transport, before, todo.front().entry);
      current = co_await std::move(sending);
      print(*before, todo.front());
      if (!current) break;  // gone meanwhile, with all its entries
    }
    co_return true;
  }

  // What nobody takes would be removed unsent.
  void require_routes(const OutboxEntry& entry) const {
    for (const OutgoingMessage& message : entry.messages) {
      require_route(options_.sending, message.envelope->type);
    }
  }

  std::vector<OutboxFinding> left_over(const Instance& instance) const {
    auto findings = examine_outbox(instance, watermarks_, now_ - options_.older_than);
    std::erase_if(findings, [](const OutboxFinding& finding) { return finding.covered; });
    return findings;
  }

  void print(const Instance& instance, const OutboxFinding& finding) {
    print_finding(instance, finding, now_, options_.consent.dry_run ? "would be sent" : "sent",
                  options_.json);
    ++count_;
  }

  const Options options_;
  const Ends ends_;
  const TimePoint now_;
  Watermarks watermarks_;
  unsigned count_ = 0;
};

// Before any is read: how many entries there are is known only once all are.
void ask(const Options& options) {
  const std::string where =
      options.everything ? "all instances" : count_text(options.ids.size(), "instance");
  const std::string question =
      fmt::format("Send what is left over in {} of {} again? Type the saga's name", where,
                  escape_controls(options.saga));
  if (is_sure(question, options.saga)) return;
  throw Failure(Exit::failed, "nothing was sent: the answer was not the saga's name");
}

asio::awaitable<Exit> redispatch_all(Options options) {
  require_consent(options.consent, "send messages again");
  const Ambient ambient;
  const Ends ends = open_ends(options, ambient);
  co_await ends.store.backend()->prepare();
  if (options.consent.is_asked_for()) ask(options);
  Redispatch work(options, ends, ambient.clock->now());
  if (options.everything) {
    co_await work.everything();
  } else {
    co_await work.chosen();
  }
  if (work.count() == 0 && !options.json) fmt::print("nothing is left over\n");
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_outbox_redispatch

void add_outbox_redispatch(CLI::App& app, Action& action) {
  using namespace verb_outbox_redispatch;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = outbox_group(app).add_subcommand("redispatch", kDescription);
  add_outbox_options(*verb, *options);
  add_sending_options(*verb, options->sending);
  CLI::Option* const ids = verb->add_option("--id", options->ids, "Saga ids to mend")
                               ->type_name("SAGA_ID")
                               ->check([](const std::string& id) {
                                 return id.empty() ? std::string("empty") : std::string();
                               });
  add_switch(*verb, "--everything", options->everything, "Mend all instances of the saga");
  ids->excludes(verb->get_option("--everything"));
  add_consent(*verb, options->consent);
  verb->footer(kFooter);
  verb->callback([options, &action] {
    if (options->ids.empty() && !options->everything) {
      throw CLI::ValidationError("--id or --everything is required: what is to be sent again?");
    }
    action = [options] { return run(redispatch_all(*options)); };
  });
}

}  // namespace sagabus::tools
