# What sagabus stands on. All of it is packaged by Debian bookworm.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(OpenSSL 3 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_path(SAGABUS_XXHASH_INCLUDE xxhash.h)  # a header that our own sources use, and no user
mark_as_advanced(SAGABUS_XXHASH_INCLUDE)
if(NOT SAGABUS_XXHASH_INCLUDE)
  message(FATAL_ERROR "xxhash.h is missing (Debian: libxxhash-dev)")
endif()
