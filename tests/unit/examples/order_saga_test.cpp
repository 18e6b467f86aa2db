#include "order_saga/order_saga.hpp"

#include <gmock/gmock.h>

#include "order_saga/messages.hpp"
#include "sagabus/testing/harness.hpp"
#include "sagabus/testing/matchers.hpp"

namespace orders {
namespace {

using sagabus::StepOutcome;
using sagabus::testing::Fault;
using sagabus::testing::HasNoDeadLetters;
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
  void TearDown() override {
    EXPECT_THAT(bus_, HasNoDeadLetters());
    if (HasFailure()) std::cout << bus_.explain();
  }

  OrderState state() const { return bus_.state_of<OrderState>(kOrder); }
  bool completed() const { return bus_.is_completed(kOrder); }

  // How the saga's step ended.
  StepOutcome send(const auto& message) {
    return bus_.steps_of(bus_.publish(message)).at(0).outcome;
  }

  // Sends the first `answers` of what an order needs, and forgets what the saga said to them.
  void go_on(int answers) {
    send(kSubmitted);
    if (answers > 0) send(kPaid);
    if (answers > 1) send(kReserved);
    if (answers > 2) send(kShipped);
    bus_.take_published();
  }

  void expect_cancelled(const std::string& reason) const {
    EXPECT_EQ(state().status, OrderStatus::cancelled);
    EXPECT_EQ(state().cancelReason, reason);
    EXPECT_TRUE(completed());
  }

  sagabus::testing::Harness bus_{order_saga()};
};

TEST_F(OrderSaga, Completes) {
  send(kSubmitted);
  EXPECT_EQ(state().status, OrderStatus::awaiting_payment);
  EXPECT_THAT(bus_.take_published(), ElementsAre("PaymentRequested"));
  send(kPaid);
  EXPECT_EQ(state().status, OrderStatus::awaiting_stock);
  EXPECT_THAT(bus_.take_published(), ElementsAre("InventoryReserveRequested"));
  send(kReserved);
  EXPECT_EQ(state().status, OrderStatus::awaiting_shipment);
  EXPECT_THAT(bus_.take_published(), ElementsAre("ShipmentRequested"));
  EXPECT_FALSE(completed());
  send(kShipped);
  EXPECT_EQ(state().status, OrderStatus::completed);
  EXPECT_EQ(state().trackingId, "shp-1");
  EXPECT_TRUE(completed());
  EXPECT_THAT(bus_.take_published(), ElementsAre("OrderCompleted"));
}

TEST_F(OrderSaga, CancelsWhenThePaymentIsRefused) {
  go_on(0);
  send(kRefused);
  expect_cancelled("the card was refused");
  EXPECT_THAT(bus_.take_published(), ElementsAre("OrderCancelled"));
}

TEST_F(OrderSaga, RefundsWhenTheStockIsMissing) {
  go_on(1);
  send(kMissing);
  expect_cancelled("no unicorns in stock");
  EXPECT_THAT(bus_.take_published(), ElementsAre("RefundRequested", "OrderCancelled"));
}

TEST_F(OrderSaga, WaitsForThePaymentBeforeItCancels) {
  go_on(0);
  send(kCancel);
  EXPECT_THAT(bus_.take_published(), IsEmpty());
  EXPECT_FALSE(completed());
  send(kPaid);
  expect_cancelled("changed my mind");
  EXPECT_THAT(bus_.take_published(), ElementsAre("RefundRequested", "OrderCancelled"));
}

TEST_F(OrderSaga, WaitsForTheStockBeforeItCancels) {
  go_on(1);
  send(kCancel);
  EXPECT_THAT(bus_.take_published(), IsEmpty());
  send(kReserved);
  expect_cancelled("changed my mind");
  EXPECT_THAT(bus_.take_published(),
              ElementsAre("InventoryReleaseRequested", "RefundRequested", "OrderCancelled"));
}

TEST_F(OrderSaga, RecallsTheShipmentWhenItCancels) {
  go_on(2);
  send(kCancel);
  EXPECT_THAT(bus_.take_published(), IsEmpty());
  send(kShipped);
  expect_cancelled("changed my mind");
  EXPECT_THAT(bus_.take_published(),
              ElementsAre("ShipmentRecallRequested", "InventoryReleaseRequested", "RefundRequested",
                          "OrderCancelled"));
}

TEST_F(OrderSaga, HasNothingToUndoWhenTheCancelledPaymentIsRefused) {
  go_on(0);
  send(kCancel);
  send(kRefused);
  expect_cancelled("changed my mind");
  EXPECT_THAT(bus_.take_published(), ElementsAre("OrderCancelled"));
}

TEST_F(OrderSaga, RefundsWhenTheCancelledStockIsMissing) {
  go_on(1);
  send(kCancel);
  send(kMissing);
  expect_cancelled("changed my mind");
  EXPECT_THAT(bus_.take_published(), ElementsAre("RefundRequested", "OrderCancelled"));
}

TEST_F(OrderSaga, KeepsTheFirstReason) {
  go_on(0);
  send(kCancel);
  EXPECT_EQ(send(CancelOrder{kOrder, "another reason"}), StepOutcome::ignored);
  send(kPaid);
  expect_cancelled("changed my mind");
}

TEST_F(OrderSaga, CannotBeCancelledOnceItHasEnded) {
  go_on(3);
  EXPECT_EQ(send(kCancel), StepOutcome::ignored);
  EXPECT_EQ(state().status, OrderStatus::completed);
  EXPECT_THAT(bus_.take_published(), IsEmpty());
}

TEST_F(OrderSaga, IsNotStartedByACancellation) {
  EXPECT_EQ(send(kCancel), StepOutcome::not_found);
}

TEST_F(OrderSaga, TakesAMessageOnceThatIsDeliveredTwice) {
  const auto twice = [this](const auto& message, const std::string& id) {
    for (const StepOutcome outcome : {StepOutcome::committed, StepOutcome::repeated}) {
      bus_.publish(message, {.id = id});
      EXPECT_EQ(bus_.steps().back().outcome, outcome) << id;
    }
  };
  twice(kSubmitted, "a");
  twice(kPaid, "b");
  twice(kReserved, "c");
  twice(kShipped, "d");
  EXPECT_EQ(state().status, OrderStatus::completed);
  // The repeats have sent what the first deliveries left, with the same ids: receivers take it
  // once.
  EXPECT_THAT(bus_.take_published(), ElementsAre("PaymentRequested", "InventoryReserveRequested",
                                                 "ShipmentRequested", "OrderCompleted"));
}

// [fault]
TEST_F(OrderSaga, ChargesOnceWhateverFails) {
  bus_.fail_next<OrderSubmitted>();           // the handler throws
  bus_.fail_next(Fault::commit_answer_lost);  // then the store does not answer
  bus_.fail_next(Fault::send_refused);        // and the transport is away
  bus_.publish(kSubmitted);
  bus_.run_until_idle();
  EXPECT_THAT(bus_.published<PaymentRequested>(), testing::SizeIs(1));
  EXPECT_EQ(state().status, OrderStatus::awaiting_payment);
}
// [fault]

TEST_F(OrderSaga, IgnoresSecondThoughtsOfItsPartners) {
  const auto answered_again = [this](const auto& message) {
    send(message);
    bus_.take_published();
    EXPECT_EQ(send(message), StepOutcome::ignored);
    EXPECT_THAT(bus_.take_published(), IsEmpty());
  };
  answered_again(kSubmitted);
  answered_again(kPaid);
  EXPECT_EQ(send(kRefused), StepOutcome::ignored);
  answered_again(kReserved);
  EXPECT_EQ(send(kMissing), StepOutcome::ignored);
  answered_again(kShipped);
  EXPECT_EQ(state().status, OrderStatus::completed);
}

TEST_F(OrderSaga, IgnoresAnAnswerGivenTwiceWhileItIsToBeCancelled) {
  go_on(1);
  send(kCancel);
  EXPECT_EQ(send(kPaid), StepOutcome::ignored);
  EXPECT_FALSE(completed());
}

TEST_F(OrderSaga, HandlesAllThatItDeclares) {
  for (const char* order : {"a", "b", "c", "d"}) {
    OrderSubmitted submitted = kSubmitted;
    submitted.orderId = order;
    bus_.publish(submitted);
  }
  bus_.publish(PaymentFailed{"b", "the card was refused"});
  for (const char* order : {"a", "c", "d"}) bus_.publish(PaymentCaptured{order, "txn"});
  bus_.publish(InventoryReservationFailed{"c", "no unicorns in stock"});
  for (const char* order : {"a", "d"}) bus_.publish(InventoryReserved{order, "rsv"});
  bus_.publish(CancelOrder{"d", "changed my mind"});
  bus_.publish(ShipmentCreated{"a", "shp"});
  EXPECT_THAT(bus_.unexercised(), IsEmpty());
}

}  // namespace
}  // namespace orders
