// An open file descriptor that its owner closes.
#pragma once

#include <unistd.h>

#include <utility>

namespace sagabus::aws {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  // Negative where it holds none.
  int number() const noexcept { return number_; }

 private:
  int number_ = -1;
};

}  // namespace sagabus::aws
