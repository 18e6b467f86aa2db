// What a service answers: HTTP, its Date, and the error that the body tells of. The first byte says
// how large the pieces are in which the rest comes.
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <optional>

#include "aws/error_answer.hpp"
#include "aws/http_date.hpp"
#include "aws/response_parser.hpp"
#include "targets.hpp"

namespace sagabus::fuzz {
namespace {

constexpr std::size_t kMaxHeader = 1024;
constexpr std::size_t kMaxBody = 2048;

// What a connection reads, in pieces of that size; nothing where it fails.
std::optional<aws::HttpResponse> read(std::string_view bytes, std::size_t piece) {
  aws::ResponseParser parser(kMaxHeader, kMaxBody);
  boost::beast::flat_buffer input;
  boost::system::error_code error;
  while (!parser.take(input, error)) {
    require(parser.response().body.size() <= kMaxBody, "a body keeps to its limit");
    if (error) return std::nullopt;
    const std::string_view next = bytes.substr(0, piece);
    if (next.empty()) parser.end(error);
    if (error) return std::nullopt;
    input.commit(boost::asio::buffer_copy(input.prepare(next.size()),
                                          boost::asio::buffer(next.data(), next.size())));
    bytes.remove_prefix(next.size());
  }
  require(parser.response().body.size() <= kMaxBody, "a body keeps to its limit");
  return std::move(parser.response());
}

// A longer head is refused sooner in pieces: Beast looks for its end in what has come, and counts
// the status line and the fields apart in what came at once.
bool has_short_head(std::string_view bytes) {
  return bytes.size() < kMaxHeader ||
         bytes.substr(0, kMaxHeader).find("\r\n\r\n") != std::string_view::npos;
}

void check_date(std::string_view text) {
  const auto date = aws::parse_http_date(text);
  if (!date) return;
  require(*date >= std::chrono::sys_days(std::chrono::year(0) / 1 / 1) &&
              *date <= std::chrono::sys_days(std::chrono::year(10000) / 1 / 1),
          "a date has a year of four digits");
}

void check_text(std::string_view text, std::size_t most) {
  require(text.size() <= most, "what is told of an error is short");
  require(text.find(kSecret) == std::string_view::npos, "and holds no secret");
  for (const char c : text) {
    require(static_cast<unsigned char>(c) >= ' ' && c != 0x7f, "and no control character");
  }
}

}  // namespace

void http_answer(std::string_view input) {
  check_date(input);
  if (input.empty()) return;
  const std::size_t piece = static_cast<unsigned char>(input.front()) + 1U;
  input.remove_prefix(1);
  auto whole = read(input, input.size() + 1);
  const auto pieces = read(input, piece);
  if (!has_short_head(input)) return;
  require(whole.has_value() == pieces.has_value(), "pieces make no difference to the answer");
  if (!whole) return;
  require(whole->status == pieces->status && whole->body == pieces->body, "nor to what is in it");
  check_date(whole->headers.find("date"));
  aws::Credentials credentials;
  credentials.secret_access_key = kSecret;
  for (const aws::Service& service : {aws::kDynamoDb, aws::kS3}) {
    const auto error = aws::read_error(service, *whole, credentials);
    check_text(error.code, 128);
    check_text(error.message, 512);
    check_text(error.request_id, 512);
  }
}

}  // namespace sagabus::fuzz
