// The program that a profile's `credential_process` names: run, and its output taken.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>

namespace sagabus::aws {

// Runs the program, found through PATH and without a shell, and gives what it had written to its
// standard output when it ended: at most 64 KiB. It inherits the environment and the standard
// error; of other descriptors none, with glibc 2.34 or later; its standard input is /dev/null.
//
// Throws AccessDenied, which holds none of the output and of the command no more than the program's
// name, where it cannot be started, ends with another status than 0, writes more, or has not ended
// after `timeout`. It is killed then, with what it has started in its process group, and waited
// for; likewise where this is cancelled, which throws
// boost::system::system_error(operation_aborted), or destroyed. What a program that ends by itself
// leaves running is let be, and so is one that this process has no right to kill, such as sudo.
//
// The executor may have many threads. Do not ignore SIGCHLD, nor wait for all children in another
// part of the process: the status is then lost, and that is AccessDenied too.
boost::asio::awaitable<std::string> run_credential_process(std::string command,
                                                           std::chrono::nanoseconds timeout);

}  // namespace sagabus::aws
