sagabus_add_executable(sqlite_worker SOURCES sqlite_worker.cpp LINK sagabus::sqlite fmt::fmt)
sagabus_add_test(sqlite_integration_test
  SOURCES
    sqlite_joint_test.cpp
    sqlite_options_test.cpp
    sqlite_process_test.cpp
    sqlite_store_test.cpp
    sqlite_suspend_test.cpp
    sqlite_transport_test.cpp
  LINK sagabus::memory sagabus::sqlite SQLite::SQLite3 fmt::fmt)
target_compile_definitions(sqlite_integration_test
  PRIVATE SAGABUS_SQLITE_WORKER="$<TARGET_FILE:sqlite_worker>")
add_dependencies(sqlite_integration_test sqlite_worker)
