// Stores from their URIs. Nothing here touches a file or the network yet: the first operation does.
// All functions throw std::invalid_argument for what the store does not take.
#pragma once

#include <memory>

#include "sagabus/ambient.hpp"
#include "sagabus/aws/credentials.hpp"
#include "sagabus/dynamodb/store.hpp"
#include "sagabus/sqlite/embedded.hpp"
#include "sagabus/store.hpp"
#include "store_uri.hpp"

namespace sagabus::tools {

SagaStore open_store(const StoreUri& uri, const Ambient& ambient);

// The same with what only a store on DynamoDB has: its table, and its usage.
dynamodb::SagaStore open_dynamodb(const DynamoDbUri& uri, const Ambient& ambient);
dynamodb::SagaStore open_dynamodb(const DynamoDbUri& uri, const Ambient& ambient,
                                  std::shared_ptr<aws::CredentialsProvider> credentials);

// A store and a transport that share one file. The transport takes what it is given, also what it
// has taken before.
sqlite::Embedded open_for_resending(const SqliteUri& uri, const Ambient& ambient);

}  // namespace sagabus::tools
