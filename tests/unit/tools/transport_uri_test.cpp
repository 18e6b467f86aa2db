#include "transport_uri.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace sagabus::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(TransportUri, IsRead) {
  EXPECT_EQ(parse_transport_uri("memory:"), TransportUri(MemoryUri{}));
  EXPECT_EQ(parse_transport_uri("SQLite:///a%20b.db"), TransportUri(SqliteUri{"/a b.db"}));
  EXPECT_EQ(parse_transport_uri("sqs://"), TransportUri(SqsUri{}));
  EXPECT_EQ(parse_transport_uri("sqs://?fifo=true"), TransportUri(SqsUri{}));
  SqsUri shop;  // all that is not said is as it is by default
  shop.queue_prefix = "shop";
  EXPECT_EQ(parse_transport_uri("sqs://shop"), TransportUri(shop));
  SqsUri standard = shop;
  standard.region = "eu-west-1";
  standard.endpoint = "http://localhost:4566";
  standard.fifo = false;
  EXPECT_EQ(
      parse_transport_uri("sqs://shop?endpoint=http://localhost:4566&region=eu-west-1&fifo=false"),
      TransportUri(standard));
  SqsUri topics = shop;
  topics.topics = true;
  EXPECT_EQ(parse_transport_uri("sqs://shop?topics=true"), TransportUri(topics));
  SqsUri claims = shop;
  claims.claims_bucket = "large-ones";
  EXPECT_EQ(parse_transport_uri("sqs://shop?claims=large-ones"), TransportUri(claims));
  claims.claims_prefix = "of/shop";
  EXPECT_EQ(parse_transport_uri("sqs://shop?claims=large-ones/of/shop"), TransportUri(claims));
}

TEST(TransportUri, IsRefusedWithWhatIsWrong) {
  const auto problem_of = [](const char* uri) -> std::string {
    try {
      parse_transport_uri(uri);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "nothing";
  };
  EXPECT_THAT(problem_of(""), AllOf(HasSubstr("transport URI: empty"), HasSubstr("sqs://PREFIX")));
  EXPECT_THAT(problem_of("dynamodb://sagas"), HasSubstr("unknown scheme"));
  EXPECT_THAT(problem_of("sqs:shop"), HasSubstr("sqs://PREFIX"));
  EXPECT_THAT(problem_of("sqs://shop?fifo=yes"), HasSubstr("'fifo' is true or false"));
  EXPECT_THAT(problem_of("sqs://shop?topics=1"), HasSubstr("'topics' is true or false"));
  EXPECT_THAT(problem_of("sqs://shop?ttl_days=1"), HasSubstr("unknown parameter 'ttl_days'"));
  EXPECT_THAT(problem_of("sqs://shop?region=a&region=b"), HasSubstr("stands twice"));
  EXPECT_THAT(problem_of("sqs://user:secret@shop"),
              AllOf(HasSubstr("holds an @"), ::testing::Not(HasSubstr("secret"))));
}

}  // namespace
}  // namespace sagabus::tools
