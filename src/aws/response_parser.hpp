// Beast's HTTP parser, bound to HttpResponse directly: Beast's own containers make an allocation
// for every header.
#pragma once

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
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
