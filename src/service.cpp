#include "sagabus/service.hpp"

namespace sagabus {

Service& Service::add(detail::ServiceHandler handler) {
  for (const detail::ServiceHandler& known : handlers_) {
    if (known.type == handler.type) {
      throw std::invalid_argument("service " + endpoint_ + ": it handles " + handler.type +
                                  " twice");
    }
  }
  handlers_.push_back(std::move(handler));
  return *this;
}

}  // namespace sagabus
