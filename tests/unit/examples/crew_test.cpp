#include "order_saga/crew.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <stdexcept>

namespace orders {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class CrewAtWork : public testing::Test {
 protected:
  CrewOptions options(std::vector<std::string> command) {
    CrewOptions options;
    options.command = std::move(command);
    options.workers = 3;
    options.kills = 2;
    options.orders = 90;
    options.say = [this](const std::string& line) { said_.push_back(line); };
    return options;
  }

  std::vector<std::string> said_;
};

TEST_F(CrewAtWork, KillsAtEvenDistances) {
  Crew crew(options({"/bin/sleep", "1000"}));
  crew.look_after(29);
  EXPECT_THAT(said_, IsEmpty());
  crew.look_after(30);
  EXPECT_THAT(said_, ElementsAre(AllOf(HasSubstr("worker 1 "), HasSubstr("after 30 orders"))));
  crew.look_after(59);
  EXPECT_THAT(said_, SizeIs(1));
  crew.look_after(60);
  EXPECT_THAT(said_, ElementsAre(testing::_, HasSubstr("worker 2 ")));
  crew.look_after(90);
  EXPECT_EQ(crew.killed(), 2U);
}

TEST_F(CrewAtWork, MakesUpForKillsThatItHadNoTimeFor) {
  Crew crew(options({"/bin/sleep", "1000"}));
  crew.look_after(90);
  EXPECT_EQ(crew.killed(), 2U);
}

TEST_F(CrewAtWork, GoesHomeWhenItIsTold) {
  Crew crew(options({"/bin/sleep", "1000"}));
  crew.send_home();
}

TEST_F(CrewAtWork, SaysWhoDidNotEndWell) {
  Crew crew(options({"/bin/sh", "-c", "exit 3"}));
  const auto look = [&crew] {
    for (;;) crew.look_after(0);
  };
  EXPECT_THAT(look, testing::ThrowsMessage<std::runtime_error>(
                        AllOf(HasSubstr("worker "), HasSubstr("ended with exit code 3"))));
}

TEST(ChildOfTheDemo, IsKilledWithItsHandle) {
  pid_t id = 0;
  {
    const Process process({"/bin/sleep", "1000"});
    id = process.id();
    EXPECT_EQ(::kill(id, 0), 0);
  }
  EXPECT_NE(::kill(id, 0), 0);
}

TEST(ChildOfTheDemo, TellsHowItEnded) {
  Process process({"/bin/sleep", "1000"});
  EXPECT_FALSE(process.ended());
  process.signal(SIGKILL);
  EXPECT_EQ(describe_status(process.wait()), "was ended by signal 9");
  EXPECT_TRUE(process.ended());
}

}  // namespace
}  // namespace orders
