// Dead letters: looked at, sent back and erased, on any transport, for tools and programs that
// mend. The `sagabus dlq` command stands on this; who only writes sagas never needs it.
//
// All functions throw what the transport reports. They may be called while buses run, and from
// several threads at once. A cancelled call may have done some of its work, as may one that throws;
// repeating it is safe.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sagabus/clock.hpp"
#include "sagabus/transport.hpp"
#include "sagabus/value.hpp"

namespace sagabus {

// The type of a letter for a body that was no envelope. Its payload is that body: as text, or as
// bytes where it is not UTF-8.
inline constexpr std::string_view kMalformedType = "sagabus.malformed";

struct LetterQuery {
  std::string endpoint{};          // where the letters are: "<saga or service>.dlq"
  std::vector<std::string> ids{};  // only those that have one of these, as letter_id; empty: all
  std::size_t limit = 1000;        // to look through, 1 or more: so many are held at once
  // There are no more where none comes for so long. A queue that is far away needs more.
  std::chrono::milliseconds patience{2000};
  std::shared_ptr<Clock> clock = system_clock();  // of `patience`
};

// The envelope's id; of a body that is no envelope, one that is derived from it.
std::string letter_id(const Delivery& letter);

// The envelope's JSON form. A body that is no envelope as text, or as bytes where it is not UTF-8.
Value letter_value(const Delivery& letter);

// What is done with a letter that is held.
using LetterVisit = std::function<boost::asio::awaitable<void>(Delivery letter)>;

// Takes letters, has them visited one after the other in the order of their envelopes' times, and
// gives them back, also where a visit throws or the call is cancelled. Other receivers do not see
// them meanwhile. True where the limit left some out.
//
// The visits must take less time than the transport hides a message for. Letters of one order key
// that the transport moved there itself, and not a bus, may be seen only in part: those behind the
// first ones come when these are gone.
boost::asio::awaitable<bool> visit_letters(Transport transport, LetterQuery query,
                                           LetterVisit visit);

struct RedriveOptions {
  // Whose letters they must be, by headers::kOriginalEndpoint. Empty: anybody's.
  std::string of{};
  // Where they go instead. Empty: where they were. Required for a letter that does not say it: the
  // transport itself has moved it.
  std::string to{};
  // A letter that may have taken effect (headers::kUncertain) runs again where its inbox no longer
  // tells. Otherwise it is buried once more then.
  bool run_uncertain = false;
};

// What is sent for a letter: its message as it was, with its id, its time, its attempts and its
// order key. The deduplication key is the same whenever this letter is sent there, and another one
// when the message has become a letter again. Throws ValidationError saying why it cannot be sent
// back, as of a body that was no message (kMalformedType).
SendRequest plan_redrive(const Delivery& letter, const RedriveOptions& options);

// Sends one that a visit holds, then erases it. Ended between the two, it is sent again by the next
// call: the transport's deduplication window drops that, or the inbox of the saga. Throws as
// plan_redrive does.
boost::asio::awaitable<void> redrive_letter(Transport transport, Delivery letter,
                                            RedriveOptions options);

// Erases one that a visit holds, for good.
boost::asio::awaitable<void> erase_letter(Transport transport, Delivery letter);

}  // namespace sagabus
