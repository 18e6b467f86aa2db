#include <iostream>
#include <sagabus/random.hpp>

int main() {
  std::cout << sagabus::new_uuid(*sagabus::system_random()) << '\n';
}
