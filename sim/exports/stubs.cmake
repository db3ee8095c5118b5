# SPDX-License-Identifier: Apache-2.0
# cmake -DSYMBOLS=... -DSOURCES="a.cc;b.cc" -DOUT_DIR=... -P stubs.cmake
# From the list of a driver's exported symbols and our sources, writes
#   unimplemented.txt  the symbols that no source defines: what a simulated machine does not have
#   stubs.c            their definitions
#   exports.map        the version script: exactly the driver's symbols, nothing of ours
file(STRINGS ${SYMBOLS} symbols)
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

set(names)
set(stubs "/* Made by stubs.cmake. */\n#include \"sim/exports/stub.h\"\n\n")
set(map "{\n  global:\n")
foreach(name ${missing})
  string(APPEND names "${name}\n")
  string(APPEND stubs "nvmlReturn_t ${name}(void);\nnvmlReturn_t ${name}(void) { return migsim_unsupported(\"${name}\"); }\n")
endforeach()
foreach(name ${symbols})
  string(APPEND map "    ${name};\n")
endforeach()
string(APPEND map "  local:\n    *;\n};\n")
file(WRITE ${OUT_DIR}/unimplemented.txt "${names}")
file(WRITE ${OUT_DIR}/stubs.c "${stubs}")
file(WRITE ${OUT_DIR}/exports.map "${map}")
