// What a field of a message or a state may not be.
#include <memory>

#include "headers.hpp"

using namespace shop;

// A described struct with one field of that type.
#define SAGABUS_FIELD(Type, ...) \
  struct Type {                  \
    __VA_ARGS__ field{};         \
  };                             \
  SAGABUS_DESCRIBE(Type, field)

enum class Undescribed { red, blue };
enum class Described { red, blue };
SAGABUS_DESCRIBE_ENUM(Described, red, blue)

SAGABUS_FIELD(OfPlain, Plain)
SAGABUS_FIELD(OfAddress, Address)
void a_struct_without_its_line() {
#if SAGABUS_FAULT == 1
  // expect: no codec for a field's type
  sagabus::to_value(OfPlain{});
#else
  sagabus::to_value(OfAddress{});
#endif
}

SAGABUS_FIELD(OfUndescribed, Undescribed)
SAGABUS_FIELD(OfDescribed, Described)
void an_enum_without_its_line() {
#if SAGABUS_FAULT == 2
  // expect: an enum in a message or state needs a SAGABUS_DESCRIBE_ENUM line
  sagabus::to_value(OfUndescribed{});
#else
  sagabus::to_value(OfDescribed{});
#endif
}

SAGABUS_FIELD(OfLongDouble, long double)
SAGABUS_FIELD(OfDouble, double)
void a_long_double() {
#if SAGABUS_FAULT == 3
  // expect: long double does not survive a store
  sagabus::to_value(OfLongDouble{});
#else
  sagabus::to_value(OfDouble{});
#endif
}

SAGABUS_FIELD(OfPointer, std::unique_ptr<int>)
SAGABUS_FIELD(OfOptional, std::optional<int>)
void a_pointer() {
#if SAGABUS_FAULT == 4
  // expect: no codec for a field's type
  sagabus::to_value(OfPointer{});
#else
  sagabus::to_value(OfOptional{});
#endif
}

SAGABUS_FIELD(OfView, std::string_view)
SAGABUS_FIELD(OfText, std::string)
void a_text_that_it_does_not_own() {
#if SAGABUS_FAULT == 5
  // expect: no codec for a field's type
  sagabus::from_value<OfView>(sagabus::Value());
#else
  sagabus::from_value<OfText>(sagabus::Value());
#endif
}

SAGABUS_FIELD(OfChar, char)
SAGABUS_FIELD(OfInt8, signed char)
void a_single_character() {
#if SAGABUS_FAULT == 6
  // expect: no codec for a field's type
  sagabus::to_value(OfChar{});
#else
  sagabus::to_value(OfInt8{});
#endif
}

SAGABUS_FIELD(OfPlains, std::vector<std::optional<Plain>>)
SAGABUS_FIELD(OfAddresses, std::vector<std::optional<Address>>)
void an_element_without_its_line() {
#if SAGABUS_FAULT == 7
  // expect: no codec for a field's type
  sagabus::to_value(OfPlains{});
#else
  sagabus::to_value(OfAddresses{});
#endif
}

SAGABUS_FIELD(ByNumber, std::map<int, Address>)
SAGABUS_FIELD(ByName, std::map<std::string, Address>)
void a_map_whose_keys_are_no_text() {
#if SAGABUS_FAULT == 8
  // expect: no codec for a field's type
  sagabus::to_value(ByNumber{});
#else
  sagabus::to_value(ByName{});
#endif
}

SAGABUS_FIELD(OfSteadyTime, std::chrono::steady_clock::time_point)
SAGABUS_FIELD(OfSystemTime, std::chrono::system_clock::time_point)
void a_time_that_means_nothing_elsewhere() {
#if SAGABUS_FAULT == 9
  // expect: no codec for a field's type
  sagabus::to_value(OfSteadyTime{});
#else
  sagabus::to_value(OfSystemTime{});
#endif
}

SAGABUS_FIELD(OfConst, const int)
SAGABUS_FIELD(OfInt, int)
void a_field_that_cannot_be_read_into() {
#if SAGABUS_FAULT == 10
  // expect: a field is not const
  sagabus::from_value<OfConst>(sagabus::Value());
#else
  sagabus::from_value<OfInt>(sagabus::Value());
#endif
}

void a_value_of_an_undescribed_struct() {
#if SAGABUS_FAULT == 11
  // expect: no codec for this type: it needs a SAGABUS_DESCRIBE line
  sagabus::to_value(Plain{});
#else
  sagabus::to_value(Address{});
#endif
}

void an_undescribed_struct_from_a_value() {
#if SAGABUS_FAULT == 12
  // expect: no codec for this type: it needs a SAGABUS_DESCRIBE line
  sagabus::from_value<Plain>(sagabus::Value());
#else
  sagabus::from_value<Address>(sagabus::Value());
#endif
}

struct Numbered {
#if SAGABUS_FAULT != 13
  Numbered() = default;
#endif
  explicit Numbered(int n) : number(n) {}
  int number = 0;
};
SAGABUS_MESSAGE(Numbered, number)
void a_message_that_is_not_made_by_default(const sagabus::Envelope& envelope) {
#if SAGABUS_FAULT == 13
  // expect: what is read is first made by default
  sagabus::read_message<Numbered>(envelope);
#else
  sagabus::read_message<Numbered>(envelope);
#endif
}
