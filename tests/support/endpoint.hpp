// Where a test finds its emulators.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace sagabus::test {

// What `name` holds. Throws, and so fails the test, where the emulator is not there: a test that
// skips itself proves nothing.
inline std::string endpoint_from(const char* name) {
  if (const char* endpoint = std::getenv(name)) return endpoint;
  throw std::runtime_error(std::string(name) +
                           " is not set. Run the tests through `make test`, or through "
                           "`tests/emulators/with-emulators dynamodb sqs -- ctest ...`.");
}

// Such as "http://127.0.0.1:40123". All tests share one emulator: each makes its own table or
// queue.
inline std::string dynamodb_endpoint() {
  return endpoint_from("SAGABUS_TEST_DYNAMODB_ENDPOINT");
}
inline std::string sqs_endpoint() {
  return endpoint_from("SAGABUS_TEST_SQS_ENDPOINT");
}

}  // namespace sagabus::test
