// What a thread spends on work that its io_context does.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <vector>

namespace sagabus::bench {

struct Sample {
  double cpu_us = 0;       // of the calling thread, a request
  double per_second = 0;   // requests
  double allocations = 0;  // of the calling thread, a request
};

// A lane takes turns from `left` until it is 0.
using Lane = std::function<boost::asio::awaitable<void>(int lane, int& left)>;

// Runs `lanes` of them side by side in the calling thread, until `requests` are done.
Sample measure(boost::asio::io_context& context, int lanes, int requests, const Lane& lane);

double median(std::vector<double> values);

}  // namespace sagabus::bench
