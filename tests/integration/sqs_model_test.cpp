// The simulation's queue answers as SQS does: the same operations on both, drawn from a seed.
//
//   SAGABUS_SEED    the first seed (a new one each time, printed)
#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <random>
#include <set>

#include "integration/sqs_support.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/testing/virtual_clock.hpp"
#include "support/number_from.hpp"

namespace sagabus::sqs {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

constexpr int kSeeds = 4;
constexpr int kOperations = 60;
constexpr unsigned kMostMessages = 10;  // so that one request is handed all that may be
constexpr std::array kGroups{"x", "y", "z"};

// By group, in the order in which they were handed out. Which group comes first is nobody's
// business.
using HandedOut = std::map<std::string, std::vector<std::string>>;

struct Draft {
  std::string id;
  std::string group;
  std::chrono::seconds delay{0};
};

class Model {
 public:
  explicit Model(bool fifo) : queue_(options(fifo)) {}

  void send(const Draft& draft) {
    Envelope envelope;
    envelope.id = draft.id;
    envelope.type = "Taken";
    envelope.partition_key = draft.group;
    std::vector<SendRequest> one(1);
    one[0].envelope = std::make_shared<const Envelope>(std::move(envelope));
    one[0].endpoint = "a";
    if (draft.delay > 0s) one[0].not_before = clock_->now() + draft.delay;
    sync_wait(queue_.backend()->send(std::move(one)));
  }
  // What may be handed out now.
  HandedOut receive() {
    asio::io_context context;
    asio::cancellation_signal no_more;
    HandedOut out;
    asio::co_spawn(
        context, queue_.backend()->receive("a", kMostMessages),
        asio::bind_cancellation_slot(no_more.slot(), [&](const std::exception_ptr& error,
                                                         const std::vector<Delivery>& taken) {
          if (!error) note(taken, out);
        }));
    context.poll();
    no_more.emit(asio::cancellation_type::all);
    context.restart();
    context.poll();
    return out;
  }
  void acknowledge(const std::string& id) {
    sync_wait(queue_.backend()->acknowledge(in_hand_.at(id)));
  }
  void give_back(const std::string& id) {
    sync_wait(queue_.backend()->give_back(in_hand_.at(id), {}));
  }
  void hide(const std::string& id, std::chrono::seconds time) {
    EXPECT_TRUE(queue_.hide(in_hand_.at(id), time)) << id;
  }
  void pass(std::chrono::seconds time) { clock_->advance(time); }

 private:
  memory::TransportOptions options(bool fifo) const {
    memory::TransportOptions out{.ordered_by_key = fifo, .ambient = {.clock = clock_}};
    if (!fifo) out.deduplication_window = 0ms;
    return out;
  }
  void note(const std::vector<Delivery>& taken, HandedOut& out) {
    for (const Delivery& delivery : taken) {
      const Envelope& envelope = *delivery.envelope;
      out[envelope.partition_key].push_back(envelope.id);
      in_hand_[envelope.id] = delivery;
    }
  }

  const std::shared_ptr<testing::VirtualClock> clock_ = std::make_shared<testing::VirtualClock>();
  memory::Transport queue_;
  std::map<std::string, Delivery> in_hand_;
};

class SqsModel : public SqsTest {
 protected:
  void run(bool fifo, std::uint64_t seed) {
    SCOPED_TRACE(fmt::format("SAGABUS_SEED={}{}", seed, fifo ? ", fifo" : ""));
    fifo_ = fifo;
    draws_.seed(seed);
    model_ = std::make_unique<Model>(fifo);
    make_queue(fmt::format("{}-{}{}", prefix_, seed, fifo ? ".fifo" : ""));
    for (int i = 0; i < kOperations && !HasFailure(); ++i) operate();
    call("DeleteQueue", {{"QueueUrl", url_}});
    history_.clear();
    sent_ = 0;
    groups_.clear();
    there_.clear();
    in_hand_.clear();
  }
  int lapses() const { return lapses_; }
  int late() const { return late_; }
  int repeats() const { return repeats_; }

 private:
  void make_queue(const std::string& name) {
    boost::json::object attributes{{"VisibilityTimeout", "300"}};
    if (fifo_) attributes["FifoQueue"] = "true";
    const auto answer =
        call("CreateQueue", {{"QueueName", name}, {"Attributes", std::move(attributes)}});
    url_ = answer.at("QueueUrl").as_string();
  }

  std::size_t draw(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(draws_);
  }
  std::string draw_in_hand() {
    return std::next(in_hand_.begin(), static_cast<std::ptrdiff_t>(draw(in_hand_.size())))->first;
  }

  void operate() {
    const std::size_t what = draw(10);
    if (what < 4) return send();
    if (what < 6 || in_hand_.empty()) return receive(0s);
    if (what < 8) return acknowledge(draw_in_hand());
    if (what < 9) return give_back(draw_in_hand());
    if (draw(2) != 0) return;
    if (!fifo_ && draw(2) == 0) return send_late();
    lapse(draw_in_hand());
  }

  // On a FIFO queue an id that was sent before is one message, also where that is gone.
  void send(std::chrono::seconds delay = 0s) {
    if (there_.size() == kMostMessages) return;
    Draft draft;
    draft.delay = delay;
    const bool again = fifo_ && sent_ > 0 && draw(4) == 0;
    draft.id = fmt::format("m{}", again ? draw(sent_) : sent_++);
    draft.group = fifo_ ? groups_.try_emplace(draft.id, kGroups.at(draw(3))).first->second : "";
    if (again) {
      ++repeats_;
    } else {
      there_.insert(draft.id);
    }
    history_ += fmt::format("; send {} to '{}'", draft.id, draft.group);
    model_->send(draft);
    boost::json::object body{{"QueueUrl", url_}, {"MessageBody", draft.id}};
    if (delay > 0s) body["DelaySeconds"] = delay.count();
    if (fifo_) {
      body["MessageGroupId"] = draft.group;
      body["MessageDeduplicationId"] = draft.id;
    }
    call("SendMessage", body);
  }

  void receive(std::chrono::seconds wait) {
    const auto answer = call("ReceiveMessage", {{"QueueUrl", url_},
                                                {"MaxNumberOfMessages", kMostMessages},
                                                {"WaitTimeSeconds", wait.count()},
                                                {"MessageSystemAttributeNames", {"All"}}});
    HandedOut out;
    if (const auto* messages = answer.as_object().if_contains("Messages")) {
      for (const auto& message : messages->as_array()) {
        const std::string id(message.at("Body").as_string());
        out[fifo_ ? std::string(message.at("Attributes").at("MessageGroupId").as_string()) : ""]
            .push_back(id);
        in_hand_[id] = message.at("ReceiptHandle").as_string();
      }
    }
    HandedOut modelled = model_->receive();
    if (!fifo_) {
      std::ranges::sort(out[""]);
      std::ranges::sort(modelled[""]);
    }
    EXPECT_EQ(out, modelled) << "after" << history_;
    history_ += "; receive";
  }

  void acknowledge(const std::string& id) {
    call("DeleteMessage", {{"QueueUrl", url_}, {"ReceiptHandle", in_hand_.at(id)}});
    model_->acknowledge(id);
    history_ += "; acknowledge " + id;
    in_hand_.erase(id);
    there_.erase(id);
  }
  void give_back(const std::string& id) {
    set_visibility(id, 0s);
    model_->give_back(id);
    history_ += "; give back " + id;
    in_hand_.erase(id);
  }
  void set_visibility(const std::string& id, std::chrono::seconds time) {
    call("ChangeMessageVisibility", {{"QueueUrl", url_},
                                     {"ReceiptHandle", in_hand_.at(id)},
                                     {"VisibilityTimeout", time.count()}});
  }

  // It comes when its time has come, and nothing but it is to be handed out. (FIFO queues of SQS
  // take no delay of a message's own.)
  void send_late() {
    receive(0s);
    if (there_.size() == kMostMessages) return;
    ++late_;
    send(1s);
    receive(0s);
    model_->pass(1s);
    receive(3s);
  }

  // Its time runs out, when nothing but it is to be handed out.
  void lapse(const std::string& id) {
    receive(0s);
    if (fifo_ && !is_alone(id)) return;
    ++lapses_;
    history_ += "; let lapse " + id;
    set_visibility(id, 1s);
    model_->hide(id, 1s);
    in_hand_.erase(id);
    model_->pass(1s);
    receive(3s);
  }
  // Nothing else of its group is in hand.
  bool is_alone(const std::string& id) const {
    const auto of_its_group = [&](const auto& it) {
      return groups_.at(it.first) == groups_.at(id);
    };
    return std::ranges::count_if(in_hand_, of_its_group) == 1;
  }

  bool fifo_ = false;
  std::mt19937_64 draws_;
  std::unique_ptr<Model> model_;
  std::string url_;
  std::size_t sent_ = 0;
  std::map<std::string, std::string> groups_;
  std::set<std::string> there_;
  std::map<std::string, std::string> in_hand_;  // receipts
  std::string history_;                         // for people
  int lapses_ = 0;
  int late_ = 0;
  int repeats_ = 0;
};

TEST_F(SqsModel, AQueueWithoutOrderAnswersAsTheServiceDoes) {
  const std::uint64_t first = test::seed_from("SAGABUS_SEED", std::random_device()());
  for (int i = 0; i < kSeeds; ++i) run(false, first + static_cast<std::uint64_t>(i));
  EXPECT_GT(lapses(), 0);
  EXPECT_GT(late(), 0);
}

TEST_F(SqsModel, AnOrderedQueueAnswersAsTheServiceDoes) {
  const std::uint64_t first = test::seed_from("SAGABUS_SEED", std::random_device()());
  for (int i = 0; i < kSeeds; ++i) run(true, first + static_cast<std::uint64_t>(i));
  EXPECT_GT(lapses(), 0);
  EXPECT_GT(repeats(), 0);
}

}  // namespace
}  // namespace sagabus::sqs
