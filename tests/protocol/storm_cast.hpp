// Who takes part in a storm. None of them guards itself against a message that comes twice: each
// counts, so that a repeat shows, and says what it counted, so that a plan that was given up shows.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sagabus/definition.hpp"
#include "sagabus/describe.hpp"
#include "sagabus/service.hpp"

namespace sagabus::protocol {

// Some for each account, all at once, in any order.
struct Deposit {
  std::string account;
  int number = 0;
};
SAGABUS_MESSAGE(Deposit, account, number)

// One after the other, minutes or hours apart: each is sent by the one before, and is taken only
// then. Who goes by what he remembers from before may ignore it.
struct Stage {
  std::string account;
  int number = 0;
};
SAGABUS_MESSAGE(Stage, account, number)

// What the first saga has the second one do.
struct Mirror {
  std::string account;
  int number = 0;
};
SAGABUS_MESSAGE(Mirror, account, number)

// To the world: by whom, and the how-manieth.
struct Receipt {
  std::string account;
  std::string by;
  int count = 0;
};
SAGABUS_MESSAGE(Receipt, account, by, count)

struct LedgerState {
  int deposits = 0;
  int stages = 0;
  int beats = 0;  // timeouts: each sets the next
};
SAGABUS_DESCRIBE(LedgerState, deposits, stages, beats)

struct MirrorState {
  int mirrored = 0;
};
SAGABUS_DESCRIBE(MirrorState, mirrored)

inline constexpr const char* kLedger = "Ledger";
inline constexpr const char* kMirror = "Mirror";
inline constexpr int kStages = 6;
inline constexpr int kBeats = 4;

// How long the cast waits from one thing to the next.
enum class Pace { minutes, hours };

std::vector<SagaDefinition> storm_cast(Pace pace = Pace::hours);

// Whether a message of one id that is heard twice was heard once: a plain handler is told so where
// its transport has forgotten the id.
enum class SameId { is_a_repeat, is_another };

// What the world heard, by account, speaker and count.
class Ears {
 public:
  Service service();
  // What was not heard exactly once of those that should be, and all that should not be.
  std::vector<std::string> problems(const std::string& account, const std::string& by, int counts,
                                    SameId same_id = SameId::is_another) const;

  // Under how many ids.
  std::size_t times(const std::string& account, const std::string& by, int count) const;

 private:
  std::map<std::string, std::map<int, std::vector<std::string>>> heard_;  // ids
};

}  // namespace sagabus::protocol
