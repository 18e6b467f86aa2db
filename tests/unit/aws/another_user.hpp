// Reads files as somebody to whom permissions apply: root may read everything.
#pragma once

#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <unistd.h>

namespace sagabus::aws {

// While it lives, this thread alone has the rights of nobody in the file system.
class AnotherUser {
 public:
  AnotherUser() {
    if (::geteuid() != 0) return;  // to whom they apply anyway
    ::setfsuid(kNobody);
    EXPECT_EQ(::setfsuid(kNobody), static_cast<int>(kNobody));
  }
  ~AnotherUser() {
    if (::geteuid() == 0) ::setfsuid(0);
  }
  AnotherUser(const AnotherUser&) = delete;
  AnotherUser& operator=(const AnotherUser&) = delete;

 private:
  static constexpr uid_t kNobody = 65534;
};

}  // namespace sagabus::aws
