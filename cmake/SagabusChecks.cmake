# The checks that are not tests of behaviour. They run with the tests, under the label `check`.

# Compiles every public header alone, so that none leans on what another one includes.
function(sagabus_add_header_checks)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include
       ${PROJECT_SOURCE_DIR}/include/sagabus/*.hpp)
  set(sources)
  foreach(header IN LISTS headers)
    string(REPLACE ".hpp" ".cpp" source ${CMAKE_CURRENT_BINARY_DIR}/headers_alone/${header})
    set(text "#include <${header}>\n#include <${header}>\n")
    file(CONFIGURE OUTPUT ${source} CONTENT "${text}" @ONLY)
    list(APPEND sources ${source})
  endforeach()
  add_library(sagabus_headers_alone OBJECT ${sources})
  sagabus_compile_options(sagabus_headers_alone)
  set_target_properties(sagabus_headers_alone PROPERTIES UNITY_BUILD OFF)
  target_compile_options(sagabus_headers_alone PRIVATE -O0 -g0)
  target_include_directories(sagabus_headers_alone PRIVATE ${PROJECT_SOURCE_DIR}/include)
  # Nothing private: what a header needs is what its box gives to users.
  get_property(boxes GLOBAL PROPERTY SAGABUS_LIBRARIES)
  target_link_libraries(sagabus_headers_alone PRIVATE ${boxes})
  if(TARGET GTest::gtest)  # sagabus/testing and sagabus/conformance include it
    target_link_libraries(sagabus_headers_alone PRIVATE GTest::gmock)
  endif()
endfunction()

function(sagabus_add_check name)
  cmake_parse_arguments(ARG "" "" "COMMAND" ${ARGN})
  add_test(NAME check.${name} COMMAND ${ARG_COMMAND} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(check.${name} PROPERTIES LABELS check TIMEOUT 1800)
endfunction()

function(sagabus_add_checks)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  set(python ${Python3_EXECUTABLE} -B)
  set(checks ${PROJECT_SOURCE_DIR}/scripts/checks)
  foreach(check format arrows coroutines snippets usings hygiene)
    sagabus_add_check(${check} COMMAND ${python} ${checks}/${check}.py)
  endforeach()
  sagabus_add_check(self_test COMMAND ${python} ${checks}/self_test.py)
  # The longest, so it begins first. It is nice to the others, many of which wait most of their time.
  sagabus_add_check(tidy COMMAND nice -n 19 ${python} ${checks}/tidy.py ${CMAKE_BINARY_DIR})
  set_tests_properties(check.tidy PROPERTIES COST 1000)
endfunction()
