#include "aws/credential_process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "aws/descriptor.hpp"
#include "aws/split_command.hpp"
#include "sagabus/error.hpp"
#include "support/temp_directory.hpp"
#include "unit/aws/message_of.hpp"
#include "unit/aws/run.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;
using std::chrono::hours;
using std::chrono::milliseconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string refusal_to_split(std::string_view command) {
  return message_of<AccessDenied>([&] { split_command(command); });
}

TEST(SplitCommand, SplitsAtBlanks) {
  EXPECT_THAT(split_command("a"), ElementsAre("a"));
  EXPECT_THAT(split_command(" \ta  b\t-c=d\n\r e "), ElementsAre("a", "b", "-c=d", "e"));
}

TEST(SplitCommand, TakesQuotesOff) {
  EXPECT_THAT(split_command(R"('a b' "c d" e'f 'g"h i")"), ElementsAre("a b", "c d", "ef gh i"));
  EXPECT_THAT(split_command(R"(a '' "")"), ElementsAre("a", "", ""));
  EXPECT_THAT(split_command(R"('"' "'")"), ElementsAre("\"", "'"));
}

TEST(SplitCommand, TakesBackslashesOff) {
  EXPECT_THAT(split_command(R"(a\ b \'c\" \\ \d)"), ElementsAre("a b", "'c\"", "\\", "d"));
  EXPECT_THAT(split_command(R"("a\"b\\c" "C:\dir\\")"), ElementsAre("a\"b\\c", "C:\\dir\\"));
  EXPECT_THAT(split_command(R"('a\' b)"), ElementsAre("a\\", "b"));
  EXPECT_THAT(split_command("a\\"), ElementsAre("a\\"));
}

TEST(SplitCommand, LeavesAllElseAlone) {
  EXPECT_THAT(split_command("a $HOME * `b` | c > d & # e; ~"),
              ElementsAre("a", "$HOME", "*", "`b`", "|", "c", ">", "d", "&", "#", "e;", "~"));
}

TEST(SplitCommand, RefusesWithoutTheCommand) {
  for (const std::string_view open : {"s3cret 'a", "s3cret \"a", "s3cret \"a\\\"", "s3cret '"}) {
    EXPECT_THAT(refusal_to_split(open), AllOf(HasSubstr("quote"), Not(HasSubstr("s3cret"))));
  }
  EXPECT_THAT(refusal_to_split(""), HasSubstr("no program"));
  EXPECT_THAT(refusal_to_split(" \t\n"), HasSubstr("no program"));
  EXPECT_THAT(refusal_to_split(std::string_view("s3cret\0b", 8)),
              AllOf(HasSubstr("zero"), Not(HasSubstr("s3cret"))));
}

int open_descriptors() {
  using Entries = std::filesystem::directory_iterator;
  return static_cast<int>(std::distance(Entries("/proc/self/fd"), Entries()));
}

// A child process that nobody has waited for would be found, dead or alive.
bool has_children() {
  return ::waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD;
}

// Every test leaves neither children nor descriptors.
class CredentialProcess : public testing::Test {
 protected:
  ~CredentialProcess() override {
    EXPECT_FALSE(has_children());
    EXPECT_EQ(open_descriptors(), before_);
  }

  static std::string output_of(std::string command) {
    return run(run_credential_process(std::move(command), hours(1)));
  }
  static std::string refusal_of(const std::string& command, std::chrono::nanoseconds timeout) {
    return message_of<AccessDenied>([&] { run(run_credential_process(command, timeout)); });
  }
  static std::string refusal_of(const std::string& command) {
    return refusal_of(command, hours(1));
  }

 private:
  const int before_ = open_descriptors();
};

// A named pipe: tells when a program that has it open for writing begins, and when the last one
// that had is gone.
class Witness {
 public:
  Witness() {
    if (::mkfifo(path().c_str(), 0600) != 0) throw std::runtime_error("mkfifo");
    reader_ = Descriptor(::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    writer_ = Descriptor(::open(path().c_str(), O_WRONLY | O_CLOEXEC));
  }

  std::string path() const { return directory_.file("pipe"); }
  void write(std::string_view text) const {
    EXPECT_EQ(::write(writer_.number(), text.data(), text.size()), std::ssize(text));
  }
  // Whether a byte was there; it is not any more.
  bool take_byte() const {
    char byte = 0;
    return ::read(reader_.number(), &byte, 1) == 1;
  }
  // Waits until no process can write any more; not forever, so that a test fails rather than hangs.
  bool wait_until_gone() {
    { const Descriptor closed = std::move(writer_); }
    struct pollfd waiting = {reader_.number(), 0, 0};
    return ::poll(&waiting, 1, 30'000) == 1 && (waiting.revents & POLLHUP) != 0;
  }

 private:
  const test::TempDirectory directory_;
  Descriptor reader_;
  Descriptor writer_;
};

TEST_F(CredentialProcess, GivesItsStandardOutput) {
  EXPECT_EQ(output_of("echo 'a  b' \"c\""), "a  b c\n");
  EXPECT_EQ(output_of("true"), "");
  EXPECT_EQ(output_of("sh -c 'printf x; printf y; sleep 0.05; printf z'"), "xyz");
}

TEST_F(CredentialProcess, IsAScriptWithBlanksInItsPath) {
  const test::TempDirectory directory;
  const std::string path = directory.file("my tool");
  std::ofstream(path) << "#!/bin/sh\necho \"$# $1\"\n";
  ASSERT_EQ(::chmod(path.c_str(), 0700), 0);
  EXPECT_EQ(output_of("\"" + path + "\" 'a b' c"), "2 a b\n");
}

TEST_F(CredentialProcess, HasNothingToRead) {
  const test::TempDirectory directory;
  std::ofstream(directory.file("input")) << "of this process";
  const Descriptor old(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  const Descriptor input(::open(directory.file("input").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::dup2(input.number(), STDIN_FILENO), STDIN_FILENO);
  EXPECT_EQ(output_of("sh -c 'cat; echo end'"), "end\n");
  ASSERT_EQ(::dup2(old.number(), STDIN_FILENO), STDIN_FILENO);
}

TEST_F(CredentialProcess, InheritsNoOtherDescriptors) {
  const Descriptor open(::fcntl(STDERR_FILENO, F_DUPFD, 10));  // to children, too
  EXPECT_EQ(
      output_of("sh -c '[ -e /proc/self/fd/$0 ] || echo none' " + std::to_string(open.number())),
      "none\n");
}

TEST_F(CredentialProcess, MayWriteUpTo64Kibibytes) {
  EXPECT_EQ(output_of("head -c 65536 /dev/zero").size(), 65536u);
  EXPECT_THAT(refusal_of("head -c 65537 /dev/zero"), HasSubstr("head wrote more than 64 KiB"));
  EXPECT_THAT(refusal_of("cat /dev/zero"), HasSubstr("wrote more"));
}

TEST_F(CredentialProcess, FailsWithoutWhatItWroteOrWasGiven) {
  const std::string failed = refusal_of("sh -c 'echo s3cret; exit 3' t0ken");
  EXPECT_EQ(failed, "credential_process sh ended with status 3");
  EXPECT_EQ(refusal_of("sh -c 'kill -9 $$' t0ken"), "credential_process sh was ended by signal 9");
  EXPECT_THAT(refusal_of("/no/such/tool t0ken"),
              AllOf(HasSubstr("/no/such/tool cannot be started: "), HasSubstr("No such file"),
                    Not(HasSubstr("t0ken"))));
  EXPECT_THAT(refusal_of("KEY=s3cret tool t0ken"),
              AllOf(HasSubstr("KEY"), Not(HasSubstr("s3cret")), Not(HasSubstr("t0ken"))));
  EXPECT_THAT(refusal_of("''"), HasSubstr("cannot be started"));
  EXPECT_THAT(refusal_of("sh 's3cret"), Not(HasSubstr("s3cret")));
}

TEST_F(CredentialProcess, IsKilledWithItsChildrenWhenTimeIsUp) {
  Witness witness;
  EXPECT_EQ(refusal_of("sh -c 'sleep 600 > \"$0\" & wait' " + witness.path(), milliseconds(300)),
            "credential_process sh has not ended in time");
  EXPECT_TRUE(witness.wait_until_gone());
}

TEST_F(CredentialProcess, IsKilledAtOnceWhereThereIsNoTime) {
  EXPECT_THAT(refusal_of("sleep 600", milliseconds(0)), HasSubstr("in time"));
  EXPECT_THAT(refusal_of("sleep 600", std::chrono::nanoseconds::min()), HasSubstr("in time"));
  EXPECT_EQ(run(run_credential_process("echo x", std::chrono::nanoseconds::max())), "x\n");
}

TEST_F(CredentialProcess, IsKilledThoughItHasClosedItsOutput) {
  EXPECT_THAT(refusal_of("sh -c 'exec >&-; exec sleep 600'", milliseconds(100)),
              HasSubstr("in time"));
}

// The program ends only once this thread has gone on to other work.
TEST_F(CredentialProcess, IsWaitedForWithoutBlockingThoughItHasClosedItsOutput) {
  const Witness witness;
  asio::io_context context;
  asio::post(context, [&] { asio::post(context, [&] { witness.write("go\n"); }); });
  const std::string command = "sh -c 'echo x; exec >&-; read line < \"$0\"' " + witness.path();
  EXPECT_EQ(run(context, run_credential_process(command, hours(1))), "x\n");
}

TEST_F(CredentialProcess, IsNotHeldUpByWhatItLeavesRunning) {
  Witness witness;
  const std::string command = "sh -c 'exec 3< \"$0\"; cat <&3 & echo x' " + witness.path();
  EXPECT_EQ(output_of(command), "x\n");
  EXPECT_TRUE(witness.wait_until_gone());  // now the program left over ends, too
}

// Runs it until it says that it has begun.
class Begun {
 public:
  explicit Begun(asio::io_context& context) {
    const std::string command =
        "sh -c 'sleep 600 > \"$0\" & echo > \"$0\"; wait' " + witness.path();
    auto on_end = [this](std::exception_ptr why, const std::string&) { error = std::move(why); };
    asio::co_spawn(context, run_credential_process(command, hours(1)),
                   asio::bind_cancellation_slot(cancel.slot(), std::move(on_end)));
    while (!witness.take_byte()) context.run_one();
  }

  Witness witness;
  asio::cancellation_signal cancel;
  std::exception_ptr error;
};

TEST_F(CredentialProcess, IsKilledWithItsChildrenWhenCancelled) {
  asio::io_context context;
  Begun begun(context);
  begun.cancel.emit(asio::cancellation_type::terminal);
  context.run();
  ASSERT_TRUE(begun.error);
  try {
    std::rethrow_exception(begun.error);
  } catch (const boost::system::system_error& error) {
    EXPECT_EQ(error.code(), asio::error::operation_aborted);
  }
  EXPECT_TRUE(begun.witness.wait_until_gone());
}

TEST_F(CredentialProcess, IsKilledWithItsChildrenWhenTheContextIsDestroyed) {
  std::optional<asio::io_context> context(std::in_place);
  Begun begun(*context);
  context.reset();
  EXPECT_FALSE(has_children());
  EXPECT_TRUE(begun.witness.wait_until_gone());
}

// How this process treats signals, for as long as the object lives.
class SignalsOf {
 public:
  SignalsOf(int number, bool blocked) : number_(number), old_(::signal(number, SIG_IGN)) {
    sigset_t set;
    sigemptyset(&set);
    if (blocked) sigaddset(&set, number);
    ::pthread_sigmask(SIG_BLOCK, &set, &old_mask_);
  }
  SignalsOf(const SignalsOf&) = delete;
  SignalsOf& operator=(const SignalsOf&) = delete;
  ~SignalsOf() {
    ::signal(number_, old_);
    ::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
  }

 private:
  const int number_;
  void (*const old_)(int);
  sigset_t old_mask_;
};

TEST_F(CredentialProcess, InheritsNoTreatmentOfSignals) {
  const std::string command = "sh -c 'kill -TERM $$; echo alive'";
  {
    const SignalsOf ignored(SIGTERM, false);
    EXPECT_THAT(refusal_of(command), HasSubstr("signal 15"));
  }
  const SignalsOf blocked(SIGTERM, true);
  EXPECT_THAT(refusal_of(command), HasSubstr("signal 15"));
}

TEST_F(CredentialProcess, SaysThatItsStatusIsLost) {
  const SignalsOf ignored(SIGCHLD, false);
  EXPECT_THAT(refusal_of("echo x"), HasSubstr("has lost its status"));
}

TEST_F(CredentialProcess, RunsOnManyThreads) {
  asio::thread_pool threads(4);
  std::vector<std::future<std::string>> running;
  for (int i = 0; i < 40; ++i) {
    const std::string command = i % 4 ? "echo " + std::to_string(i) : "sleep 600";
    const milliseconds timeout = i % 4 ? hours(1) : milliseconds(20);
    running.push_back(
        asio::co_spawn(threads, run_credential_process(command, timeout), asio::use_future));
  }
  for (int i = 0; i < 40; ++i) {
    auto& it = running[static_cast<std::size_t>(i)];
    if (i % 4) {
      EXPECT_EQ(it.get(), std::to_string(i) + "\n");
    } else {
      EXPECT_THROW(it.get(), AccessDenied);
    }
  }
  threads.join();
}

}  // namespace
}  // namespace sagabus::aws
