# SPDX-License-Identifier: Apache-2.0
# Generates kWebFiles (web_files.h): cmake -DOUT=<file.cc> -DFOLDER=<web> "-DFILES=<name;...>" -P embed_web.cmake
# Brackets and semicolons mean something to CMake's lists, so texts are never put into one.
set(out "// Written by src/daemon/embed_web.cmake; not kept in the repository.
#include \"daemon/web_files.h\"

namespace mig::daemon {
namespace {
")
set(table "")
set(n 0)
foreach(name ${FILES})
  file(READ "${FOLDER}/${name}" text)
  string(APPEND out "constexpr std::string_view kText${n} = R\"webfile(")
  string(APPEND out "${text}")
  string(APPEND out ")webfile\";\n")
  string(APPEND table "    {\"${name}\", kText${n}},\n")
  math(EXPR n "${n} + 1")
endforeach()
string(APPEND out "
constexpr WebFile kTable[] = {
${table}};
}  // namespace

const std::span<const WebFile> kWebFiles = kTable;

}  // namespace mig::daemon
")
file(WRITE ${OUT} "${out}")
