#include "chaos/answers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/algorithm/string/find.hpp>
#include <stdexcept>

namespace sagabus::chaos {
namespace {

std::string answer(std::string_view status, std::string_view headers, std::string_view body) {
  return fmt::format("HTTP/1.1 {}\r\n{}\r\nContent-Length: {}\r\n\r\n{}", status, headers,
                     body.size(), body);
}

// The code stands in a header too, for services that answer in XML.
std::string error_answer(std::string_view status, std::string_view code) {
  return answer(
      status, fmt::format("Content-Type: application/x-amz-json-1.0\r\nx-amzn-errortype: {}", code),
      fmt::format(R"({{"__type":"com.amazonaws.dynamodb.v20120810#{}"}})", code));
}

std::string page(std::string_view status) {
  return answer(status, "Content-Type: text/html",
                "<html><body><h1>Please come back later</h1></body></html>\n");
}

}  // namespace

std::string answer_instead(Mishap mishap) {
  switch (mishap) {
    case Mishap::error_500:
      return error_answer("500 Internal Server Error", "InternalServerError");
    case Mishap::error_503:
      return error_answer("503 Service Unavailable", "ServiceUnavailable");
    case Mishap::throttle:
      return error_answer("400 Bad Request", "ProvisionedThroughputExceededException");
    case Mishap::html_error:
      return page("502 Bad Gateway");
    case Mishap::html_success:
      return page("200 OK");
    case Mishap::empty_success:
      return answer("200 OK", "Content-Type: application/x-amz-json-1.0", "");
    default:
      throw std::logic_error("no answer for this mishap");
  }
}

bool has_crc(const Message& answer) {
  const std::string_view head = answer.head_text();
  return !boost::ifind_first(head, "x-amz-crc32:").empty();
}

void corrupt_body(Message& answer, double where) {
  const auto bits = static_cast<double>(8 * (answer.text.size() - answer.head));
  const auto bit = static_cast<std::size_t>(where * bits);
  char& byte = answer.text.at(answer.head + bit / 8);
  byte = static_cast<char>(byte ^ (1 << bit % 8));
}

void corrupt_head(Message& answer, double where) {
  constexpr std::string_view kLength = "Content-Length: ";
  const std::array<std::size_t, 4> places{
      0,                                           // "HTTP/1.1"
      answer.text.find(' ') + 1,                   // the status
      answer.text.find("\r\n") + 2,                // a header's name
      answer.text.find(kLength) + kLength.size(),  // the length
  };
  answer.text.at(places.at(static_cast<std::size_t>(where * places.size()))) = '\x01';
}

std::size_t place_in(std::string_view text, double where) {
  return 1 + static_cast<std::size_t>(where * static_cast<double>(text.size() - 1));
}

}  // namespace sagabus::chaos
