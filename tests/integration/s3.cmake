sagabus_add_test(s3_integration_test
  SOURCES
    ../support/http_server.cpp
    s3_claim_store_test.cpp
    sqs_claim_bus_test.cpp
    sqs_claim_test.cpp
  LINK sagabus::s3 sagabus::sqs sagabus::dynamodb sagabus::testing Boost::json
       OpenSSL::SSL OpenSSL::Crypto fmt::fmt)
