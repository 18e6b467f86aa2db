sagabus_add_test(sqs_integration_test
  SOURCES
    ../support/http_server.cpp
    sqs_bus_test.cpp
    sqs_fault_test.cpp
    sqs_model_test.cpp
    sqs_queue_test.cpp
    sqs_topic_fault_test.cpp
    sqs_topic_test.cpp
    sqs_transport_test.cpp
  LINK sagabus::sqs sagabus::memory sagabus::testing Boost::json OpenSSL::SSL OpenSSL::Crypto fmt::fmt)
