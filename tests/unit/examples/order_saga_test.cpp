#include "order_saga/order_saga.hpp"

#include <gmock/gmock.h>

#include "order_saga/messages.hpp"
#include "saga_harness.hpp"

namespace orders {
namespace {

using sagabus::StepOutcome;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kOrder = "order-1";

const OrderSubmitted kSubmitted{kOrder, "customer-1", "kettle", 2, 2'500, "4 Harbour Street"};
const PaymentCaptured kPaid{kOrder, "txn-1"};
const InventoryReserved kReserved{kOrder, "rsv-1"};
const ShipmentCreated kShipped{kOrder, "shp-1"};
const PaymentFailed kRefused{kOrder, "the card was refused"};
const InventoryReservationFailed kMissing{kOrder, "no unicorns in stock"};
const CancelOrder kCancel{kOrder, "changed my mind"};

class OrderSaga : public testing::Test {
 protected:
  OrderState state() const { return bus_.state<OrderState>(kOrder); }
  bool completed() const { return bus_.instance(kOrder).completed; }

  // Sends the first `answers` of what an order needs, and forgets what the saga said to them.
  void go_on(int answers) {
    bus_.send(kSubmitted);
    if (answers > 0) bus_.send(kPaid);
    if (answers > 1) bus_.send(kReserved);
    if (answers > 2) bus_.send(kShipped);
    bus_.sent();
  }

  void expect_cancelled(const std::string& reason) const {
    EXPECT_EQ(state().status, OrderStatus::cancelled);
    EXPECT_EQ(state().cancelReason, reason);
    EXPECT_TRUE(completed());
  }

  examples::SagaHarness bus_{
      order_saga(),
      {"PaymentRequested", "InventoryReserveRequested", "ShipmentRequested", "RefundRequested",
       "InventoryReleaseRequested", "ShipmentRecallRequested", "OrderCompleted", "OrderCancelled"}};
};

TEST_F(OrderSaga, Completes) {
  bus_.send(kSubmitted);
  EXPECT_EQ(state().status, OrderStatus::awaiting_payment);
  EXPECT_THAT(bus_.sent(), ElementsAre("PaymentRequested"));
  bus_.send(kPaid);
  EXPECT_EQ(state().status, OrderStatus::awaiting_stock);
  EXPECT_THAT(bus_.sent(), ElementsAre("InventoryReserveRequested"));
  bus_.send(kReserved);
  EXPECT_EQ(state().status, OrderStatus::awaiting_shipment);
  EXPECT_THAT(bus_.sent(), ElementsAre("ShipmentRequested"));
  EXPECT_FALSE(completed());
  bus_.send(kShipped);
  EXPECT_EQ(state().status, OrderStatus::completed);
  EXPECT_EQ(state().trackingId, "shp-1");
  EXPECT_TRUE(completed());
  EXPECT_THAT(bus_.sent(), ElementsAre("OrderCompleted"));
}

TEST_F(OrderSaga, CancelsWhenThePaymentIsRefused) {
  go_on(0);
  bus_.send(kRefused);
  expect_cancelled("the card was refused");
  EXPECT_THAT(bus_.sent(), ElementsAre("OrderCancelled"));
}

TEST_F(OrderSaga, RefundsWhenTheStockIsMissing) {
  go_on(1);
  bus_.send(kMissing);
  expect_cancelled("no unicorns in stock");
  EXPECT_THAT(bus_.sent(), ElementsAre("RefundRequested", "OrderCancelled"));
}

TEST_F(OrderSaga, WaitsForThePaymentBeforeItCancels) {
  go_on(0);
  bus_.send(kCancel);
  EXPECT_THAT(bus_.sent(), IsEmpty());
  EXPECT_FALSE(completed());
  bus_.send(kPaid);
  expect_cancelled("changed my mind");
  EXPECT_THAT(bus_.sent(), ElementsAre("RefundRequested", "OrderCancelled"));
}

TEST_F(OrderSaga, WaitsForTheStockBeforeItCancels) {
  go_on(1);
  bus_.send(kCancel);
  EXPECT_THAT(bus_.sent(), IsEmpty());
  bus_.send(kReserved);
  expect_cancelled("changed my mind");
  EXPECT_THAT(bus_.sent(),
              ElementsAre("InventoryReleaseRequested", "RefundRequested", "OrderCancelled"));
}

TEST_F(OrderSaga, RecallsTheShipmentWhenItCancels) {
  go_on(2);
  bus_.send(kCancel);
  EXPECT_THAT(bus_.sent(), IsEmpty());
  bus_.send(kShipped);
  expect_cancelled("changed my mind");
  EXPECT_THAT(bus_.sent(), ElementsAre("ShipmentRecallRequested", "InventoryReleaseRequested",
                                       "RefundRequested", "OrderCancelled"));
}

TEST_F(OrderSaga, HasNothingToUndoWhenTheCancelledPaymentIsRefused) {
  go_on(0);
  bus_.send(kCancel);
  bus_.send(kRefused);
  expect_cancelled("changed my mind");
  EXPECT_THAT(bus_.sent(), ElementsAre("OrderCancelled"));
}

TEST_F(OrderSaga, RefundsWhenTheCancelledStockIsMissing) {
  go_on(1);
  bus_.send(kCancel);
  bus_.send(kMissing);
  expect_cancelled("changed my mind");
  EXPECT_THAT(bus_.sent(), ElementsAre("RefundRequested", "OrderCancelled"));
}

TEST_F(OrderSaga, KeepsTheFirstReason) {
  go_on(0);
  bus_.send(kCancel);
  EXPECT_EQ(bus_.send(CancelOrder{kOrder, "another reason"}), StepOutcome::ignored);
  bus_.send(kPaid);
  expect_cancelled("changed my mind");
}

TEST_F(OrderSaga, CannotBeCancelledOnceItHasEnded) {
  go_on(3);
  EXPECT_EQ(bus_.send(kCancel), StepOutcome::ignored);
  EXPECT_EQ(state().status, OrderStatus::completed);
  EXPECT_THAT(bus_.sent(), IsEmpty());
}

TEST_F(OrderSaga, IsNotStartedByACancellation) {
  EXPECT_EQ(bus_.send(kCancel), StepOutcome::not_found);
}

TEST_F(OrderSaga, TakesAMessageOnceThatIsDeliveredTwice) {
  const auto twice = [this](const auto& message, const std::string& id) {
    EXPECT_EQ(bus_.send(message, id), StepOutcome::committed) << id;
    EXPECT_EQ(bus_.send(message, id), StepOutcome::repeated) << id;
    // The repeat sends what the first delivery left, with the same ids: receivers take it once.
    bus_.sent();
  };
  twice(kSubmitted, "a");
  twice(kPaid, "b");
  twice(kReserved, "c");
  twice(kShipped, "d");
  EXPECT_EQ(state().status, OrderStatus::completed);
  EXPECT_THAT(bus_.sent(), IsEmpty());
}

TEST_F(OrderSaga, IgnoresSecondThoughtsOfItsPartners) {
  const auto answered_again = [this](const auto& message) {
    bus_.send(message);
    bus_.sent();
    EXPECT_EQ(bus_.send(message), StepOutcome::ignored);
    EXPECT_THAT(bus_.sent(), IsEmpty());
  };
  answered_again(kSubmitted);
  answered_again(kPaid);
  EXPECT_EQ(bus_.send(kRefused), StepOutcome::ignored);
  answered_again(kReserved);
  EXPECT_EQ(bus_.send(kMissing), StepOutcome::ignored);
  answered_again(kShipped);
  EXPECT_EQ(state().status, OrderStatus::completed);
}

TEST_F(OrderSaga, IgnoresAnAnswerGivenTwiceWhileItIsToBeCancelled) {
  go_on(1);
  bus_.send(kCancel);
  EXPECT_EQ(bus_.send(kPaid), StepOutcome::ignored);
  EXPECT_FALSE(completed());
}

}  // namespace
}  // namespace orders
