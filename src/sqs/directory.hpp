// Finds the queue of an endpoint, and makes it where that is allowed.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sqs/queue_form.hpp"
#include "sqs/surroundings.hpp"

namespace sagabus::sqs {

// Without state of its own: whoever asks remembers the answer.
class Directory {
 public:
  explicit Directory(Surroundings& surroundings) : surroundings_(surroundings) {}

  // Its URL from the options, or by its name. A queue that is there but differs from what it should
  // be is used all the same, with a warning in the log for each difference. Throws NotFound for a
  // queue that is not there and may not be made. Where queues may be made, that of its dead letters
  // is made first. Repeating it is harmless.
  boost::asio::awaitable<Queue> find(std::string endpoint) const;

  static std::string name_of(const TransportOptions& options, const std::string& endpoint);
  std::string name_of(const std::string& endpoint) const {
    return name_of(surroundings_.options, endpoint);
  }

  // Those of a queue that must be there: throws NotFound.
  boost::asio::awaitable<QueueAttributes> attributes_of(std::string endpoint) const;

  // The queue and how it differs. Throws NotFound where there is none.
  boost::asio::awaitable<QueueInfo> examine(std::string endpoint) const;

  // Sees to it that these topics, one at least, by their ARNs or names, may send to the endpoint's
  // queue, which is made where it is not there. Returns its ARN. Where nothing may be made, it only
  // says in the log what is missing, and throws NotFound for a queue that is not there.
  boost::asio::awaitable<std::string> let_in(std::string endpoint,
                                             std::vector<std::string> topics) const;

  // Which endpoint's queue takes the dead letters of this one; empty where it takes such itself.
  std::string dead_letters_of(const std::string& endpoint) const;

 private:
  struct Found {
    std::string url;  // empty: there is none
    QueueAttributes attributes{};
  };
  boost::asio::awaitable<Found> look_up(std::string endpoint) const;
  boost::asio::awaitable<std::string> url_of(std::string endpoint) const;
  boost::asio::awaitable<QueueAttributes> attributes_at(std::string url, std::string name) const;
  // A queue that was made; `arn` is empty where nothing tells.
  struct Made {
    std::string url;
    std::string arn;
  };
  boost::asio::awaitable<Made> make(std::string endpoint) const;
  boost::asio::awaitable<void> admit(std::string endpoint, Found found, std::string arn) const;
  boost::asio::awaitable<std::string> arn_of(std::string endpoint) const;
  QueueForm form() const;
  std::vector<std::string> differences_of(const std::string& endpoint,
                                          const QueueAttributes& found) const;
  void warn_of_differences(const std::string& endpoint, const Found& found) const;
  void warn_of_former_topics(const std::string& endpoint, const std::string& policy) const;

  Surroundings& surroundings_;
};

// The URL's last part, which is the queue's name.
std::string name_in_url(std::string_view url);

}  // namespace sagabus::sqs
