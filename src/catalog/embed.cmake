# SPDX-License-Identifier: Apache-2.0
# Generates kBoardFiles (board_files.h): cmake -DOUT=<file.cc> -DFILES=<json;...> -P embed.cmake
set(texts "")
set(table "")
set(n 0)
foreach(file ${FILES})
  file(READ ${file} text)
  get_filename_component(name ${file} NAME_WE)
  string(REPLACE "_" "-" name ${name})
  string(APPEND texts "constexpr std::string_view kText${n} = R\"board(${text})board\";\n")
  string(APPEND table "    {\"${name}\", kText${n}},\n")
  math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUT} "// Written by src/catalog/embed.cmake; not kept in the repository.
#include \"catalog/board_files.h\"

namespace mig::catalog {
namespace {
${texts}
constexpr BoardFile kTable[] = {
${table}};
}  // namespace

const std::span<const BoardFile> kBoardFiles = kTable;

}  // namespace mig::catalog
")
