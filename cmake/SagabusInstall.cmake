# Installs the public headers, the libraries, and what finds them: a CMake package with a component
# for each box, and a pkg-config file for each box (sagabus-core, sagabus-dynamodb, ...).
option(SAGABUS_INSTALL "Make the install rules" ${PROJECT_IS_TOP_LEVEL})
if(NOT SAGABUS_INSTALL)
  return()
endif()

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# How users find what a box stands on: the target, then for CMake what find_dependency is given,
# then for pkg-config the module that is required, or the flags.
set(package_of_Boost::headers "Boost 1.81")
set(flags_of_Boost::headers "")
set(package_of_Boost::json "Boost 1.81 COMPONENTS json")
set(flags_of_Boost::json "-lboost_json")
set(package_of_Threads::Threads "Threads")
set(flags_of_Threads::Threads "-pthread")
set(package_of_OpenSSL::SSL "OpenSSL 3")
set(module_of_OpenSSL::SSL "libssl")
set(package_of_OpenSSL::Crypto "OpenSSL 3")
set(module_of_OpenSSL::Crypto "libcrypto")
set(package_of_SQLite::SQLite3 "SQLite3")
set(module_of_SQLite::SQLite3 "sqlite3")
set(package_of_ZLIB::ZLIB "ZLIB")
set(module_of_ZLIB::ZLIB "zlib")
set(package_of_fmt::fmt "fmt")
set(module_of_fmt::fmt "fmt")
foreach(part gtest gtest_main gmock gmock_main)
  set(package_of_GTest::${part} "GTest")
  set(module_of_GTest::${part} "${part}")
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sagabus)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH pkgconfig_to_prefix /${pkgconfig_dir} /)
string(REGEX REPLACE "/$" "" pkgconfig_to_prefix "${pkgconfig_to_prefix}")

# Sets `boxes`, `packages`, `modules` and `flags` to what `target` stands on. A static library
# leaves its private dependencies to be linked by whoever uses it.
macro(sagabus_needs_of target)
  get_target_property(type ${target} TYPE)
  get_target_property(public ${target} INTERFACE_LINK_LIBRARIES)
  set(private)
  if(type STREQUAL "STATIC_LIBRARY")
    get_target_property(private ${target} LINK_LIBRARIES)
  endif()
  set(boxes)
  set(packages)
  set(modules)
  set(flags)
  set(needs ${public} ${private})
  list(TRANSFORM needs REPLACE "^\\$<LINK_ONLY:(.*)>$" "\\1")
  list(REMOVE_DUPLICATES needs)
  foreach(need IN LISTS needs)
    if(need MATCHES "-NOTFOUND$" OR need MATCHES "^\\$<BUILD_INTERFACE:" OR need STREQUAL "")
      continue()
    elseif(need MATCHES "^sagabus(::|_)(.+)$")
      list(APPEND boxes ${CMAKE_MATCH_2})
    elseif(DEFINED package_of_${need})
      list(APPEND packages "${package_of_${need}}")
      if(DEFINED module_of_${need})
        list(APPEND modules ${module_of_${need}})
      elseif(flags_of_${need})
        list(APPEND flags ${flags_of_${need}})
      endif()
    else()
      message(FATAL_ERROR "${target} links ${need}: say in cmake/SagabusInstall.cmake how users find it")
    endif()
  endforeach()
  list(REMOVE_DUPLICATES packages)
endmacro()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/sagabus
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")

set(config_of_boxes "")
set(all_boxes)
get_property(libraries GLOBAL PROPERTY SAGABUS_LIBRARIES)
foreach(target IN LISTS libraries)
  get_target_property(box ${target} EXPORT_NAME)
  list(APPEND all_boxes ${box})
  sagabus_needs_of(${target})

  install(TARGETS ${target} EXPORT sagabus-${box}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(EXPORT sagabus-${box} NAMESPACE sagabus:: DESTINATION ${package_dir}
          FILE sagabus-${box}-targets.cmake)

  string(APPEND config_of_boxes
    "set(_sagabus_boxes_of_${box} ${boxes})\nset(_sagabus_packages_of_${box} \"${packages}\")\n")

  list(TRANSFORM boxes PREPEND "sagabus-" OUTPUT_VARIABLE pc_requires)
  list(APPEND pc_requires ${modules})
  list(JOIN pc_requires ", " pc_requires)
  list(JOIN flags " " pc_flags)
  set(pc_libs "-L\${libdir} -l${target} ${pc_flags}")
  if(type STREQUAL "INTERFACE_LIBRARY")
    set(pc_libs "${pc_flags}")
  endif()
  set(pc_box ${box})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/sagabus.pc.in
                 ${PROJECT_BINARY_DIR}/pkgconfig/sagabus-${box}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/pkgconfig/sagabus-${box}.pc DESTINATION ${pkgconfig_dir})
endforeach()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/sagabusConfig.cmake.in
  ${PROJECT_BINARY_DIR}/sagabusConfig.cmake INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
# Until 1.0 a new minor version may break what was written for the one before.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sagabusConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sagabusConfig.cmake ${PROJECT_BINARY_DIR}/sagabusConfigVersion.cmake
        DESTINATION ${package_dir})
