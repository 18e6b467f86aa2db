// Beast's HTTP parser, bound to HttpResponse directly: Beast's own containers make an allocation
// for every header.
#pragma once

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstdint>
#include <string_view>

#include "aws/http_client.hpp"

namespace sagabus::aws {

class ResponseParser : public boost::beast::http::basic_parser<false> {
 public:
  ResponseParser(std::size_t max_header_bytes, std::size_t max_body_bytes) {
    header_limit(static_cast<std::uint32_t>(max_header_bytes));
    body_limit(max_body_bytes);
    eager(true);
  }

  // As Beast's; but it leaves the last bytes of a chunked body alone until they are five, which is
  // the least that is left of one. Beast asserts that where the chunk that ends it comes first.
  std::size_t put(boost::asio::const_buffer input, boost::beast::error_code& error) {
    if (is_header_done() && chunked() && input.size() < 5) {
      error = boost::beast::http::error::need_more;
      return 0;
    }
    return basic_parser::put(input, error);
  }

  // Takes from `input` what can be read of it. True where the answer is complete. Otherwise `error`
  // says what is wrong with it, or nothing where more must come.
  bool take(boost::beast::flat_buffer& input, boost::beast::error_code& error) {
    error = {};
    if (!is_done()) input.consume(put(input.data(), error));
    if (is_done()) return true;
    if (error == boost::beast::http::error::need_more) error = {};
    return false;
  }

  // Tells it that nothing more comes: the end of some answers. Before the first byte, or in the
  // midst of any other, it is an error.
  void end(boost::beast::error_code& error) {
    error = {};
    if (got_some()) put_eof(error);  // it may not be told of an end before a beginning
    if (!got_some() || error) error = boost::asio::error::eof;
  }

  HttpResponse& response() { return response_; }

  // Of the announced body, in bytes; 0 where none was announced. (Beast's own function for this
  // trips g++ 12's -Wmaybe-uninitialized under the sanitizers.)
  std::uint64_t remaining() const {
    return announced_ - std::min<std::uint64_t>(announced_, response_.body.size());
  }

 private:
  using Error = boost::beast::error_code;
  using Text = boost::beast::string_view;

  // What the peer claims is not reserved at once beyond this.
  static constexpr std::uint64_t kMaxReserve = 1024 * 1024;

  void on_request_impl(boost::beast::http::verb, Text, Text, int, Error&) override {}
  void on_response_impl(int status, Text, int, Error& error) override {
    response_.status = status;
    error = {};
  }
  void on_field_impl(boost::beast::http::field, Text name, Text value, Error& error) override {
    response_.headers.add({name.data(), name.size()}, {value.data(), value.size()});
    error = {};
  }
  void on_header_impl(Error& error) override { error = {}; }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Error& error) override {
    announced_ = length.value_or(0);
    response_.body.reserve(std::min(announced_, kMaxReserve));
    error = {};
  }
  std::size_t on_body_impl(Text body, Error& error) override {
    response_.body.append(body.data(), body.size());
    error = {};
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, Text, Error& error) override { error = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, Error& error) override {
    return on_body_impl(body, error);
  }
  void on_finish_impl(Error& error) override { error = {}; }

  HttpResponse response_;
  std::uint64_t announced_ = 0;
};

}  // namespace sagabus::aws
