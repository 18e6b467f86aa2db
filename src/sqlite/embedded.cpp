#include "sagabus/sqlite/embedded.hpp"

#include "sqlite/database.hpp"
#include "sqlite/factory.hpp"

namespace sagabus::sqlite {

Embedded embedded(EmbeddedOptions options) {
  return EmbeddedFactory::make(std::move(options));
}

Embedded embedded(std::string path) {
  EmbeddedOptions options;
  options.path = std::move(path);
  return embedded(std::move(options));
}

Embedded EmbeddedFactory::make(EmbeddedOptions options) {
  check_store("embedded", options.ttl_days);
  TransportOptions transport;
  transport.visibility_timeout = options.visibility_timeout;
  transport.deduplication_window = options.deduplication_window;
  check_transport("embedded", transport);
  auto database = std::make_shared<Database>(
      Database::Options{std::move(options.path), options.busy_timeout, options.poll_interval,
                        std::move(options.ambient)},
      "embedded");
  return {SagaStore(database, options.ttl_days), Transport(database, transport)};
}

}  // namespace sagabus::sqlite
