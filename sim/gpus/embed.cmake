# SPDX-License-Identifier: Apache-2.0
# cmake -DOUT=<file.cc> -DFILES=<json;...> -P embed.cmake: writes kBuiltinBoards (builtin.h).
set(texts "")
set(table "")
set(n 0)
foreach(file ${FILES})
  file(READ ${file} text)
  get_filename_component(key ${file} NAME_WE)
  string(REPLACE "_" "-" key ${key})
  string(APPEND texts "constexpr std::string_view kText${n} = R\"migsim(${text})migsim\";\n")
  string(APPEND table "    {\"${key}\", kText${n}},\n")
  math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUT} "// Written by sim/gpus/embed.cmake; not kept in the repository.
#include \"sim/gpus/builtin.h\"

namespace migsim {
namespace {
${texts}
constexpr BuiltinBoard kTable[] = {
${table}};
}  // namespace

const std::span<const BuiltinBoard> kBuiltinBoards = kTable;

}  // namespace migsim
")
