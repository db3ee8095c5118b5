# SPDX-License-Identifier: Apache-2.0
# One static library per module, made from every *.cc in its folder, with only the links that docs/architecture.md
# allows; one test program per module, made from every *_test.cc.

add_library(mig_flags INTERFACE)
target_include_directories(mig_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include
                                               ${CMAKE_SOURCE_DIR}/src)
target_compile_options(mig_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False positives of g++ 12 at -O2 and above: std::string + const char* (GCC bug 105329) and comparisons of vectors of
  # bytes.
  target_compile_options(mig_flags INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict;-Wno-stringop-overread>")
  # GCC PR 80635: the inside of an empty std::optional, once everything is inlined.
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(mig_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>")
  endif()
endif()
if(MIG_WERROR)
  target_compile_options(mig_flags INTERFACE -Werror)
endif()
if(MIG_SANITIZE)
  string(REPLACE ";" "," _san "${MIG_SANITIZE}")
  target_compile_options(mig_flags INTERFACE -fsanitize=${_san} -fno-omit-frame-pointer)
  target_link_options(mig_flags INTERFACE -fsanitize=${_san})
endif()

# mig_module(<name> [DEPS <module>...] [LIBS <external target>...] [TEST_DEPS <target>...])
# Library target mig_<name>; test program <name>_test when there are tests.
function(mig_module name)
  cmake_parse_arguments(M "" "" "DEPS;LIBS;TEST_DEPS;APART" ${ARGN})
  # APART: files whose file-local names collide with another file's; compiled separately in a unity build
  # (CMAKE_UNITY_BUILD, which divides the cost of headers by four).
  set_source_files_properties(${M_APART} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(sources)
    add_library(mig_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(mig_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_link_libraries(mig_${name} ${scope} mig_flags)
  foreach(dep ${M_DEPS})
    target_link_libraries(mig_${name} ${scope} mig_${dep})
  endforeach()
  if(M_LIBS)
    target_link_libraries(mig_${name} ${scope} ${M_LIBS})
  endif()
  if(tests)
    mig_test(${name}_test SOURCES ${tests} LIBS mig_${name} ${M_TEST_DEPS})
  endif()
endfunction()

# mig_test(<name> SOURCES <file>... LIBS <target>...): a GoogleTest program, one ctest entry.
function(mig_test name)
  cmake_parse_arguments(T "" "" "SOURCES;LIBS;ENV" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE ${T_LIBS} mig_flags GTest::gtest GTest::gtest_main Threads::Threads)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
  mig_test_cost(${name})
endfunction()
