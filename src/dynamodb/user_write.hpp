// A user's write, as an action of a transaction.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "sagabus/store_write.hpp"

namespace sagabus::dynamodb {

class UserWrite final : public StoreWrite {
 public:
  struct Content {
    std::string_view action;  // "Update"; a literal
    std::string table_name;
    std::string json;       // {"Update":{…}}
    std::size_t bytes = 0;  // of the item, or of what is known of it
  };
  explicit UserWrite(Content content) : content_(std::move(content)) {}

  std::string describe() const override;
  const Content& content() const noexcept { return content_; }

 private:
  const Content content_;
};

// Of a write that the store takes.
const UserWrite::Content& content_of(const StoreWrite& write);

// Throws ValidationError where a transaction of these, `own` actions of the store's and `own_bytes`
// in them is more than the service takes.
void check_transaction(std::span<const StoreWritePtr> writes, std::size_t own,
                       std::size_t own_bytes);

}  // namespace sagabus::dynamodb
