// SPDX-License-Identifier: Apache-2.0
#include "sim/tree/steps.h"

#include <cstdarg>
#include <cstdio>

namespace migsim {

std::string print(const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

}  // namespace migsim
