// The transport's functions as calls to the engine's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sqs/claim_check.hpp"
#include "sqs/directory.hpp"
#include "sqs/engine.hpp"
#include "sqs/lines.hpp"
#include "sqs/names.hpp"
#include "sqs/outgoing.hpp"
#include "sqs/routes.hpp"
#include "sqs/surroundings.hpp"
#include "sqs/topic_rules.hpp"

namespace sagabus::sqs {

class Backend final : public TransportBackend, public std::enable_shared_from_this<Backend> {
 public:
  // The options are checked.
  Backend(TransportOptions options, Clients clients)
      : Backend(std::move(options), std::move(clients), std::make_unique<Engine>()) {}
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  ~Backend() override;

  std::string describe() const override;
  boost::asio::awaitable<void> subscribe(Subscription subscription) override;
  boost::asio::awaitable<void> send(std::vector<SendRequest> requests) override;
  boost::asio::awaitable<std::vector<Delivery>> receive(std::string endpoint,
                                                        std::size_t most) override;
  boost::asio::awaitable<void> acknowledge(Delivery delivery) override;
  boost::asio::awaitable<void> acknowledge_all(std::vector<Delivery> deliveries) override;
  boost::asio::awaitable<void> give_back(Delivery delivery, GiveBack how) override;
  std::chrono::nanoseconds may_hold(const Delivery& delivery) const override;
  std::chrono::milliseconds max_delay() const override { return outgoing_.max_delay(); }
  std::size_t max_message_bytes() const override { return claims_.max_message_bytes(); }
  std::size_t pack_above() const override { return claims_.pack_above(); }
  boost::asio::awaitable<EnvelopePtr> pack(EnvelopePtr envelope) override;

  boost::asio::awaitable<QueueDepth> depth(std::string endpoint);
  boost::asio::awaitable<QueueInfo> examine(std::string endpoint);
  boost::asio::awaitable<TopicInfo> examine_topic(std::string topic_arn, std::string queue_arn);
  Usage usage() const { return surroundings_.gateway.usage(); }
  std::string queue_name(const std::string& endpoint) const {
    return Directory::name_of(surroundings_.options, endpoint);
  }
  std::string topic_name(const std::string& type) const {
    return name_in_arn(topic_rules_.topic(type));
  }

 private:
  Backend(TransportOptions options, Clients clients, std::unique_ptr<Engine> engine);

  // Runs it on the engine's thread, and waits until it is resumed there.
  template <class Call>
  boost::asio::awaitable<void> carry_out(std::shared_ptr<Call> call);

  void warn_of_types(const std::vector<std::string>& types) const;
  boost::asio::awaitable<std::vector<Delivery>> take(std::string endpoint, std::size_t most);
  Delivery to_delivery(Received received) const;
  boost::asio::awaitable<std::vector<Delivery>> open_claims(std::vector<Delivery> deliveries);
  std::vector<Delivery> sort_out(std::vector<Delivery> deliveries,
                                 std::vector<ClaimCheck::Opened> opened);
  void open(Delivery& delivery, ClaimCheck::Opened opened) const;

  // What goes back unseen, and after which time.
  struct Returning {
    std::shared_ptr<Lease> lease;
    std::chrono::seconds after{0};
  };
  void return_unseen(std::vector<Returning> leases);
  std::shared_ptr<Lease> end_lease(const Delivery& delivery) const;

  Surroundings surroundings_;
  Routes routes_;
  const TopicRules topic_rules_;
  const OutgoingRules outgoing_;
  ClaimCheck claims_;
  Lines lines_;
  std::unique_ptr<Engine> engine_;  // last: what it runs uses all of the above
};

}  // namespace sagabus::sqs
