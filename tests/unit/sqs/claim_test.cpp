#include "sqs/claim.hpp"

#include <gmock/gmock.h>

#include <functional>

#include "sagabus/error.hpp"
#include "sagabus/json.hpp"

namespace sagabus::sqs {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPayload = R"({"number":7})";
// Its SHA-256, as another program has told it.
constexpr const char* kKey = "1bd100ac70001bd61cbdc55406d9a0adc23c22bbde375761288fbe291965b1fa";

Envelope whole() {
  Envelope out;
  out.id = "m";
  out.type = "T";
  out.payload = parse_json(kPayload);
  out.headers = {{"traceparent", "00-1"}, {"x-saga-attempt", "2"}};
  out.timestamp = TimePoint(std::chrono::milliseconds(1'800'000'000'000));
  out.partition_key = "p";
  return out;
}

std::string problem_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const ValidationError& error) {
    return error.what();
  }
  return "nothing";
}

TEST(SqsClaim, AnEnvelopeStandsForItsPayloadAndGetsItBack) {
  const Claim claim = claim_for(kPayload);
  EXPECT_EQ(claim.bytes, 12U);
  EXPECT_EQ(claim.key, kKey);
  EXPECT_EQ(claim, claim_for(kPayload));
  EXPECT_NE(claim.key, claim_for(R"({"number":8})").key);

  const Envelope packed = with_claim(whole(), claim, {{"Orders", "o-1"}});
  EXPECT_TRUE(has_claim(packed));
  EXPECT_FALSE(has_claim(whole()));
  EXPECT_TRUE(packed.payload.is_null());
  EXPECT_EQ(packed.headers.at("x-saga-claim"), claim.key);
  EXPECT_EQ(packed.headers.at("x-saga-claim-bytes"), "12");
  EXPECT_EQ(packed.headers.at("x-saga-claim-order"), R"({"Orders":"o-1"})");

  const Envelope sent = parse_envelope(to_json(packed));
  EXPECT_EQ(read_claim(sent), claim);
  EXPECT_EQ(with_payload(sent, read_claim(sent), kPayload), whole());
}

TEST(SqsClaim, ItsOrderIsToldWhereOnlyThePayloadDid) {
  const Envelope packed = with_claim(whole(), claim_for(kPayload), {{"Orders", "o \"1\""}});
  EXPECT_EQ(read_order_key(packed, "Orders"), "o \"1\"");
  EXPECT_EQ(read_order_key(packed, "another"), std::nullopt);
  const Envelope without = with_claim(whole(), claim_for(kPayload), {});
  EXPECT_FALSE(without.headers.contains("x-saga-claim-order"));
  EXPECT_EQ(read_order_key(without, "Orders"), std::nullopt);
  for (const char* foreign : {"no JSON", "[1]", R"({"Orders":7})", R"({"Orders":""})"}) {
    Envelope odd = packed;
    odd.headers["x-saga-claim-order"] = foreign;
    EXPECT_EQ(read_order_key(odd, "Orders"), std::nullopt) << foreign;
  }
}

// No text from a message becomes part of a path or an address.
TEST(SqsClaim, AKeyIsAHashAndNothingElse) {
  const Envelope packed = with_claim(whole(), claim_for(kPayload), {});
  const auto problem_with = [&](const char* header, std::optional<std::string> value) {
    Envelope odd = packed;
    odd.headers.erase(header);
    if (value) odd.headers.emplace(header, *value);
    return problem_of([&] { read_claim(odd); });
  };
  const std::string key = packed.headers.at("x-saga-claim");
  EXPECT_EQ(problem_with("x-saga-claim", key), "nothing");
  for (const std::string& bad :
       {std::string(), std::string("../../etc/passwd"), std::string("https://elsewhere/x"),
        key.substr(1), key + "0", "Z" + key.substr(1), "A" + key.substr(1), "/" + key.substr(1),
        key.substr(1) + std::string(1, '\0')}) {
    EXPECT_THAT(problem_with("x-saga-claim", bad), HasSubstr("64 hex digits")) << bad;
  }
  EXPECT_THAT(problem_with("x-saga-claim", std::nullopt), HasSubstr("missing"));
  EXPECT_THAT(problem_with("x-saga-claim-bytes", std::nullopt), HasSubstr("missing"));
  for (const char* bad : {"", "-1", "12 ", "0x0c", "1e9", "99999999999999999999999"}) {
    EXPECT_THAT(problem_with("x-saga-claim-bytes", bad), HasSubstr("no number")) << bad;
  }
}

TEST(SqsClaim, AnotherPayloadIsRefused) {
  const Claim claim = claim_for(kPayload);
  const Envelope packed = with_claim(whole(), claim, {});
  for (const char* other : {R"({"number":8})", R"({"number":7} )", "", R"({"number":7)"}) {
    EXPECT_THAT(problem_of([&] { with_payload(packed, claim, other); }),
                HasSubstr("not the one that was sent"))
        << other;
  }
  Claim longer = claim;
  longer.bytes = 13;
  EXPECT_THAT(problem_of([&] { with_payload(packed, longer, kPayload); }),
              HasSubstr("not the one that was sent"));
  // What the hash fits, and is no JSON all the same.
  EXPECT_THAT(problem_of([&] { with_payload(packed, claim_for("{"), "{"); }),
              Not(HasSubstr("nothing")));
}

}  // namespace
}  // namespace sagabus::sqs
