#include "sagabus/service.hpp"

#include <stdexcept>

#include "key_rules.hpp"

namespace sagabus {

Service::Service(std::string endpoint) : endpoint_(std::move(endpoint)) {
  const std::string problem = detail::problem_of_name(endpoint_);
  if (!problem.empty()) throw std::invalid_argument("service: endpoint: " + problem);
}

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
