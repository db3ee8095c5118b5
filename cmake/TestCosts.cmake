# SPDX-License-Identifier: Apache-2.0
# Seconds that tests took (tests/costs.py writes them), for ctest's order: the longest first, so that none of them ends alone.

file(STRINGS ${CMAKE_SOURCE_DIR}/tests/costs.txt _lines REGEX "^[a-z]")
set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/costs.txt)
foreach(_line ${_lines})
  string(REPLACE " " ";" _line "${_line}")
  list(GET _line 0 _name)
  list(GET _line 1 _seconds)
  set(mig_cost_${_name} ${_seconds})
endforeach()

# Call it where the test is added.
function(mig_test_cost name)
  if(DEFINED mig_cost_${name})
    set_tests_properties(${name} PROPERTIES COST ${mig_cost_${name}})
  endif()
endfunction()
