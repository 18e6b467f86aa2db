# How every box of the house is built, so that all have one shape.

function(sagabus_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Under the sanitizers g++ 12 sees one in how Asio allocates coroutine frames; there is none.
    target_compile_options(${target} PRIVATE -Wno-mismatched-new-delete)
    if(CMAKE_UNITY_BUILD)  # it takes the files of a batch for headers
      target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
    endif()
  endif()
  if(SAGABUS_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# sagabus_add_library(<box> SOURCES ... [PUBLIC targets...] [PRIVATE targets...])
# makes the static or shared library sagabus_<box>, known to users as sagabus::<box>.
function(sagabus_add_library box)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  set(target sagabus_${box})
  add_library(${target} ${ARG_SOURCES})
  add_library(sagabus::${box} ALIAS ${target})
  sagabus_compile_options(${target})
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${box} POSITION_INDEPENDENT_CODE ON)
  set_property(GLOBAL APPEND PROPERTY SAGABUS_LIBRARIES ${target})
endfunction()

# sagabus_add_executable(<name> SOURCES ... LINK ...) makes a program of ours (not installed).
function(sagabus_add_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  sagabus_compile_options(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
endfunction()

# The bus makes many small objects, and mimalloc makes them faster than the C library does: measured
# in bench/RESULTS.md. Not where a sanitizer looks after them.
find_package(mimalloc QUIET)
function(sagabus_use_mimalloc name)
  if(mimalloc_FOUND AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    target_link_libraries(${name} PRIVATE
      -Wl,--push-state,--no-as-needed $<TARGET_FILE:mimalloc> -Wl,--pop-state)
  endif()
endfunction()
