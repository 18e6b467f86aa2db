// What the verbs of the `sagabus` command share. A verb is one file in verbs/, and one line in
// verbs/verbs.hpp.
#pragma once

#include <CLI/CLI.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>

namespace sagabus::tools {

// Documented in the help text of the command.
enum class Exit {
  done = 0,
  failed = 1,
  wrong_use = 2,
  not_found = 3,
  differs = 4,
  interrupted = 130  // by Ctrl-C, as shells have it
};

// Ends the command with one line on standard error.
class Failure : public std::runtime_error {
 public:
  Failure(Exit exit, const std::string& line) : std::runtime_error(line), exit_(exit) {}
  Exit exit() const noexcept { return exit_; }

 private:
  Exit exit_;
};

// What the verb on the command line does. It writes its results to standard output, and throws what
// goes wrong: std::invalid_argument is the user's mistake, see exit_of.
using Action = std::function<Exit()>;

// Adds --store, which is required; SAGABUS_STORE may stand in for it.
void add_store_option(CLI::App& verb, std::string& uri);

// Adds --transport, which is required; SAGABUS_TRANSPORT may stand in for it. `forms` are those of
// its URI.
void add_transport_option(CLI::App& verb, std::string& uri, const std::string& forms);

// Adds an option that is a whole number, in decimal digits, from `least` to `most`.
CLI::Option* add_count_option(CLI::App& verb, const std::string& name, unsigned& value,
                              const std::string& description, unsigned least, unsigned most);

// Adds an option that takes no value, not even one after `=`.
void add_switch(CLI::App& verb, const std::string& name, bool& value,
                const std::string& description);

// Runs the operation on so many threads, this one included, until it is done. Ctrl-C and SIGTERM
// cancel it; a second one ends the process. Throws what the operation threw; where that is the
// cancellation, returns Exit::interrupted.
Exit run(boost::asio::awaitable<Exit> operation, unsigned threads = 1);

// Whether it is how an operation ends that was cancelled.
bool is_cancellation(const std::exception_ptr& error);

// The exit code for what an action threw.
Exit exit_of(const std::exception& error);

}  // namespace sagabus::tools
