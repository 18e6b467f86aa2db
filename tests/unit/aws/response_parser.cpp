#include "aws/response_parser.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sagabus::aws {
namespace {

// The answer that a peer gives who sends one byte at a time.
HttpResponse read_in_bytes(std::string_view bytes) {
  ResponseParser parser(1024, 1024);
  std::string input;
  for (const char byte : bytes) {
    input += byte;
    boost::system::error_code error;
    input.erase(0, parser.put(boost::asio::buffer(input), error));
    EXPECT_TRUE(!error || error == boost::beast::http::error::need_more) << error.message();
  }
  EXPECT_TRUE(parser.is_done());
  return parser.response();
}

// Found by the fuzz target: Beast's assertion ended the process.
TEST(ResponseParser, TakesAnEmptyChunkedBodyByteByByte) {
  const std::string head = "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(read_in_bytes(head + "0\r\n\r\n").body, "");
  EXPECT_EQ(read_in_bytes(head + "2\r\nab\r\n1\r\nc\r\n0\r\nX: y\r\n\r\n").body, "abc");
}

TEST(ResponseParser, KnowsWhichAnswersEndWithTheConnection) {
  const auto ends_well = [](const std::string& bytes) {
    ResponseParser parser(1024, 1024);
    boost::beast::flat_buffer input;
    input.commit(boost::asio::buffer_copy(input.prepare(bytes.size()), boost::asio::buffer(bytes)));
    boost::system::error_code error;
    EXPECT_FALSE(parser.take(input, error)) << bytes;
    EXPECT_FALSE(error) << error.message();
    parser.end(error);
    EXPECT_TRUE(!error || error == boost::asio::error::eof) << error.message();
    return !error && parser.take(input, error);
  };
  const std::string head = "HTTP/1.1 200 OK\r\n";
  EXPECT_TRUE(ends_well(head + "\r\n"));
  EXPECT_TRUE(ends_well(head + "\r\nabc"));
  EXPECT_FALSE(ends_well(""));
  EXPECT_FALSE(ends_well(head));
  EXPECT_FALSE(ends_well(head + "Content-Length: 4\r\n\r\nabc"));
  EXPECT_FALSE(ends_well(head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
}

}  // namespace
}  // namespace sagabus::aws
