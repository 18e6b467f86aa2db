// sagabus outbox with instances in DynamoDB and queues in a file.
#include "dynamodb_table.hpp"
#include "outbox_fixture.hpp"

namespace sagabus::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OutboxOnDynamoDb : public ::testing::Test {
 protected:
  OutboxOnDynamoDb() {
    const Subscription pings{"Pings", {std::string(message_name<Ping>())}};
    sync_wait(file_.transport().backend()->subscribe(pings));
  }

  const DynamoDbTable table_;
  const SqliteFile file_;
};

TEST_F(OutboxOnDynamoDb, IsListedAndMended) {
  const SagaStore& store = table_.store();
  const Instance old = insert_left_over(store, "old", 1h, 1);
  const Instance settled = insert_left_over(store, "settled", 1h, 2);
  sync_wait(store.backend()->save_watermark("w1", write_watermark({2, {1}})));

  const std::vector<std::string> list{"outbox",     "list",   "--json", "--store",
                                      table_.uri(), "--saga", "Orders"};
  EXPECT_THAT(texts(objects(run_sagabus(list)), "correlation_id"), ElementsAre("old"));
  const Ran sent = run_sagabus({"outbox", "redispatch", "--yes", "--json", "--store", table_.uri(),
                                "--transport", file_.uri(), "--saga", "Orders", "--everything"});
  EXPECT_THAT(texts(objects(sent), "correlation_id"), ElementsAre("old"));
  EXPECT_THAT(file_.queue("Pings"), ElementsAre("old-out"));
  EXPECT_THAT(objects(run_sagabus(list)), IsEmpty());

  const auto now = sync_wait(store.get_by_id("Orders", old.saga_id));
  EXPECT_EQ(now->version, old.version + 1);
  EXPECT_EQ(now->state, old.state);
  EXPECT_EQ(now->bookkeeping.inbox, old.bookkeeping.inbox);
  EXPECT_EQ(sync_wait(store.get_by_id("Orders", settled.saga_id)), settled);
}

}  // namespace
}  // namespace sagabus::test
