#include "aws_client/measure.hpp"

#include <time.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <exception>

#include "support/allocations.hpp"

namespace sagabus::bench {
namespace {

namespace asio = boost::asio;

double thread_cpu_us() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

}  // namespace

Sample measure(asio::io_context& context, int lanes, int requests, const Lane& lane) {
  int left = requests;
  context.restart();
  for (int i = 0; i < lanes; ++i) {
    asio::co_spawn(context, lane(i, left), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
  }
  const std::uint64_t allocations = allocations_of_this_thread();
  const double cpu = thread_cpu_us();
  const auto start = std::chrono::steady_clock::now();
  context.run();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  Sample sample;
  sample.cpu_us = (thread_cpu_us() - cpu) / requests;
  sample.per_second = requests / elapsed.count();
  sample.allocations = static_cast<double>(allocations_of_this_thread() - allocations) / requests;
  return sample;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace sagabus::bench
