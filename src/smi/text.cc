// SPDX-License-Identifier: Apache-2.0
#include "smi/text.h"

#include <array>
#include <cstdarg>
#include <cstddef>
#include <cstdio>

namespace mig::smi {
namespace {

[[gnu::format(printf, 2, 0)]] void append_list(std::string& out,
                                               const char* format,
                                               va_list arguments) {
  std::array<char, 512> buffer{};
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
  if (length >= 0 && static_cast<std::size_t>(length) < buffer.size()) {
    out.append(buffer.data(), static_cast<std::size_t>(length));
  } else if (length > 0) {
    const std::size_t before = out.size();
    out.resize(before + static_cast<std::size_t>(length) + 1);
    (void)std::vsnprintf(&out[before], static_cast<std::size_t>(length) + 1, format, again);
    out.resize(before + static_cast<std::size_t>(length));
  }
  va_end(again);
}

}  // namespace

void append(std::string& out, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  append_list(out, format, arguments);
  va_end(arguments);
}

std::string text(const char* format, ...) {
  std::string out;
  va_list arguments;
  va_start(arguments, format);
  append_list(out, format, arguments);
  va_end(arguments);
  return out;
}

unsigned long long mib(unsigned long long bytes) {
  constexpr unsigned long long kMib = 1ULL << 20U;
  return bytes / kMib + (bytes % kMib != 0 ? 1 : 0);
}

}  // namespace mig::smi
