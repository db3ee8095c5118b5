# SPDX-License-Identifier: Apache-2.0
# cmake -DOUT=<file.cc> -DIN=<symbols.txt> -P embed_functions.cmake: writes exported_functions().
file(STRINGS ${IN} names REGEX "^nvml[A-Za-z0-9_]+$")
list(TRANSFORM names REPLACE "(.+)" "    \"\\1\"")
list(JOIN names ",\n" names)
file(WRITE ${OUT} "// Written by sim/tools/embed_functions.cmake; not kept in the repository.
#include \"sim/tools/functions.h\"

namespace migsim {

std::span<const std::string_view> exported_functions() {
  static constexpr std::string_view kNames[] = {
${names}};
  return kNames;
}

}  // namespace migsim
")
