# SPDX-License-Identifier: Apache-2.0
# cmake -DSYMBOLS=... -DREFUSED=... -DSOURCES="a.cc;b.cc" -DOUT_DIR=... -P stubs.cmake
# Input: the exported symbols of a driver, those that a real H200 always answers with NOT_SUPPORTED, and
# our sources. Writes
#   implemented.txt    the symbols that a source defines
#   unimplemented.txt  symbols that neither a source defines nor the H200 refuses: not implemented on
#                      a simulated machine
#   stubs.c            their definitions
#   exports.map        the version script: exactly the driver's symbols, nothing of ours
cmake_minimum_required(VERSION 3.25)
file(STRINGS ${SYMBOLS} symbols)
file(STRINGS ${REFUSED} refused)
set(defined)
foreach(source ${SOURCES})
  file(READ ${source} text)
  string(REGEX MATCHALL "\n(nvmlReturn_t|const char\\*) nvml[A-Za-z0-9_]+\\(" found "${text}")
  foreach(definition ${found})
    string(REGEX REPLACE "^.* (nvml[A-Za-z0-9_]+)\\($" "\\1" name "${definition}")
    list(APPEND defined ${name})
  endforeach()
endforeach()

set(missing ${symbols})
list(REMOVE_ITEM missing ${defined})
list(REMOVE_ITEM defined ${symbols})
if(defined)
  message(FATAL_ERROR "defined here but not exported by the driver: ${defined}")
endif()

set(implemented ${symbols})
list(REMOVE_ITEM implemented ${missing})
string(REPLACE ";" "\n" implemented "${implemented}")
file(WRITE ${OUT_DIR}/implemented.txt "${implemented}\n")
set(stale ${refused})
list(REMOVE_ITEM stale ${missing})
if(stale)
  message(FATAL_ERROR "in not_supported.txt, but defined here or no symbol of the driver: ${stale}")
endif()

set(names)
set(stubs "/* Made by stubs.cmake. */\n#include \"sim/exports/stub.h\"\n\n")
set(map "{\n  global:\n")
foreach(name ${missing})
  set(arguments "void")
  set(answer "migsim_unsupported(\"${name}\")")
  if(name IN_LIST refused)
    set(arguments "const void* device")
    set(answer "migsim_refused(\"${name}\", device)")
  else()
    string(APPEND names "${name}\n")
  endif()
  string(APPEND stubs "nvmlReturn_t ${name}(${arguments});\nnvmlReturn_t ${name}(${arguments}) { return ${answer}; }\n")
endforeach()
foreach(name ${symbols})
  string(APPEND map "    ${name};\n")
endforeach()
string(APPEND map "  local:\n    *;\n};\n")
file(WRITE ${OUT_DIR}/unimplemented.txt "${names}")
file(WRITE ${OUT_DIR}/stubs.c "${stubs}")
file(WRITE ${OUT_DIR}/exports.map "${map}")
