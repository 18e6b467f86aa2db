#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "order_fixture.hpp"
#include "sagabus/service.hpp"

namespace {

using fixture::Closed;
using fixture::Paid;
using fixture::State;
using fixture::Submitted;
using sagabus::can_start;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What build() says.
template <class Builder>
std::string refusal(const Builder& builder) {
  try {
    builder.build();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "accepted";
}

struct SamePaid {
  std::string orderId;
};
SAGABUS_MESSAGE_AS(SamePaid, "Paid", orderId)

struct Numbered {
  std::int64_t number = 0;
  std::optional<std::string> reference;
};
SAGABUS_MESSAGE(Numbered, number, reference)

struct Base {
  std::string orderId;
};
SAGABUS_DESCRIBE(Base, orderId)
struct Derived : Base {
  int more = 0;
};
BOOST_DESCRIBE_STRUCT(Derived, (Base), (more))
constexpr std::string_view sagabus_message_name(std::type_identity<Derived>) {
  return "Derived";
}

// With a codec of its own.
struct Opaque {
  std::string id;
};
constexpr std::string_view sagabus_message_name(std::type_identity<Opaque>) {
  return "Opaque";
}

}  // namespace

template <>
struct sagabus::Codec<Opaque> {
  static Value write(const Opaque& message, const FieldPath&) { return Value(message.id); }
  static void read(const Value& value, Opaque& message, const FieldPath&) {
    message.id = *value.if_string();
  }
};

namespace {

TEST(Definition, NamesItsMessages) {
  const auto saga = fixture::orders().build();
  EXPECT_EQ(saga.name(), "Orders");
  EXPECT_THAT(saga.message_types(), ElementsAre("Submitted", "Paid", "Closed"));
}

// By it, a transport tells that two sagas keep one order.
TEST(Definition, KnowsTheMemberThatAMessageIsCorrelatedBy) {
  const auto member = [](const auto& saga) { return saga.data()->messages[0].correlation_member; };
  const auto start = [](const Derived&) { return State{}; };
  const auto by = [&](auto key) {
    return member(sagabus::saga<State>("S")
                      .template correlate<Derived>(key, can_start)
                      .template initial<Derived>(start)
                      .build());
  };
  EXPECT_EQ(by(&Derived::orderId), "orderId");  // the base's
  EXPECT_EQ(by(&Derived::more), "more");
  EXPECT_EQ(by([](const Derived& m) { return m.orderId; }), "");
  EXPECT_EQ(member(fixture::orders().build()), "orderId");
  EXPECT_EQ(member(sagabus::saga<State>("S")
                       .correlate<Opaque>(&Opaque::id, can_start)
                       .initial<Opaque>([](const Opaque&) { return State{}; })
                       .build()),
            "");
}

TEST(Definition, RefusesWhatIsIncomplete) {
  using sagabus::saga;
  const auto nothing = [](const auto&, State&) {};
  const auto start = [](const Submitted&) { return State{}; };
  EXPECT_THAT(refusal(fixture::orders("")), HasSubstr("give it a name"));
  EXPECT_THAT(refusal(fixture::orders("$workers")), HasSubstr("a leading $ is reserved"));
  EXPECT_THAT(refusal(fixture::orders(std::string(1025, 'x'))),
              HasSubstr("1025 bytes, over the limit of 1024"));
  EXPECT_THAT(refusal(fixture::orders("M\xfcller")), HasSubstr("not UTF-8"));
  EXPECT_THAT(refusal(saga<State>("S").correlate<Paid>(&Paid::orderId).on<Paid>().handle(nothing)),
              HasSubstr("no message can start it"));
  EXPECT_THAT(refusal(saga<State>("S").correlate<Submitted>(&Submitted::orderId, can_start)),
              HasSubstr("Submitted can start it, but there is no initial state"));
  EXPECT_THAT(refusal(saga<State>("S").initial(start).on<Submitted>(can_start).handle(nothing)),
              HasSubstr("Submitted has no correlation"));
  EXPECT_THAT(refusal(fixture::orders().correlate<fixture::PaymentRequested>(
                  &fixture::PaymentRequested::orderId)),
              HasSubstr("PaymentRequested is correlated, but neither handled nor a start"));
  EXPECT_THAT(refusal(fixture::orders().initial([](const Paid&) { return State{}; })),
              HasSubstr("Paid has an initial state, but cannot start it"));
}

TEST(Service, RefusesAnEndpointThatNoSagaCouldHave) {
  const auto problem = [](std::string endpoint) -> std::string {
    try {
      sagabus::service(std::move(endpoint));
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(problem(""), "service: endpoint: empty");
  EXPECT_EQ(problem("$timers"), "service: endpoint: a leading $ is reserved");
  EXPECT_EQ(problem(std::string(1025, 'x')),
            "service: endpoint: 1025 bytes, over the limit of 1024");
  EXPECT_EQ(problem("M\xfcller"), "service: endpoint: not UTF-8");
  EXPECT_EQ(problem(std::string(1024, 'x')), "accepted");
}

TEST(Definition, RefusesWhatIsSaidTwice) {
  EXPECT_THROW(fixture::orders().correlate<Paid>(&Paid::orderId), std::invalid_argument);
  EXPECT_THROW(fixture::orders().initial([](const Submitted&) { return State{}; }),
               std::invalid_argument);
  EXPECT_THROW(fixture::orders().initial([] { return State{}; }).initial([] { return State{}; }),
               std::invalid_argument);
  EXPECT_THAT(refusal(fixture::orders()
                          .correlate<SamePaid>(&SamePaid::orderId)
                          .on<SamePaid>()
                          .handle([](const SamePaid&, State&) {})),
              HasSubstr("two message types share the wire name Paid"));
  EXPECT_THAT(refusal(fixture::orders().on<Closed>().handle([](const Closed&, State&) {})),
              HasSubstr("handler 2 of Closed can never run: handler 1 has no guard"));
}

TEST(Definition, CorrelatesByMembersFunctionsIntegersAndOptionals) {
  const auto by = [](auto key, const Numbered& message) {
    const auto saga = sagabus::saga<State>("S")
                          .correlate<Numbered>(key, can_start)
                          .initial([] { return State{}; })
                          .build();
    return saga.data()->messages[0].correlate(&message);
  };
  EXPECT_EQ(by(&Numbered::number, {-42, {}}), "-42");
  EXPECT_EQ(by(&Numbered::reference, {1, "r"}), "r");
  EXPECT_EQ(by(&Numbered::reference, {1, {}}), "");
  EXPECT_EQ(by([](const Numbered& m) { return "n" + std::to_string(m.number); }, {7, {}}), "n7");
}

TEST(Definition, CorrelatesByAMemberOfABase) {
  const auto saga = sagabus::saga<State>("S")
                        .correlate<Derived>(&Derived::orderId, can_start)
                        .initial([](const Derived&) { return State{}; })
                        .build();
  Derived message;
  message.orderId = "o";
  EXPECT_EQ(saga.data()->messages[0].correlate(&message), "o");
}

TEST(Definition, CorrelatesAllThatHaveNothingOfTheirOwn) {
  const auto saga = sagabus::saga<State>("S")
                        .correlate<Closed>([](const Closed& m) { return "own " + m.orderId; })
                        .correlate_all([](const auto& m) { return m.orderId; })
                        .initial([](const Submitted&) { return State{}; })
                        .on<Submitted>(can_start)
                        .handle([](const Submitted&, State&) {})
                        .on<Closed>()
                        .handle([](const Closed&, State&) {})
                        .on<Paid>()
                        .handle([](const Paid&, State&) {})
                        .correlate<Paid>([](const Paid& m) { return "later " + m.orderId; })
                        .build();
  const Submitted submitted{"o", 1};
  const Closed closed{"o"};
  const Paid paid{"o", ""};
  EXPECT_EQ(saga.data()->find("Submitted")->correlate(&submitted), "o");
  EXPECT_EQ(saga.data()->find("Closed")->correlate(&closed), "own o");
  EXPECT_EQ(saga.data()->find("Paid")->correlate(&paid), "later o");
}

}  // namespace
