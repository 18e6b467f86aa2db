sagabus_add_test(dynamodb_integration_test
  SOURCES
    dynamodb_adopt_test.cpp
    dynamodb_bus_test.cpp
    dynamodb_cancel_test.cpp
    dynamodb_cost_test.cpp
    dynamodb_fault_test.cpp
    dynamodb_foreign_test.cpp
    dynamodb_model_test.cpp
    dynamodb_plan_test.cpp
    dynamodb_record_test.cpp
    dynamodb_schema_test.cpp
    dynamodb_shards_test.cpp
    dynamodb_table_test.cpp
    dynamodb_timer_bus_test.cpp
    dynamodb_timers_test.cpp
    dynamodb_transact_test.cpp
  LINK sagabus::dynamodb sagabus::memory sagabus::testing Boost::json fmt::fmt)
