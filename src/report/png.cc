// SPDX-License-Identifier: Apache-2.0
#include "report/png.h"

namespace mig::report {

std::optional<PngSize> png_size(std::string_view bytes) {
  // Signature, then the chunk IHDR of 13 bytes, which begins with width and height.
  constexpr std::string_view kStart("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
  constexpr std::size_t kHeader = 24;
  constexpr std::uint32_t kMostPixels = 1U << 16U;
  if (bytes.size() < kHeader || !bytes.starts_with(kStart)) {
    return std::nullopt;
  }
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
      value = value << 8U | static_cast<unsigned char>(bytes[i]);
    }
    return value;
  };
  const PngSize size{number(16), number(20)};
  if (size.width == 0 || size.height == 0 || size.width > kMostPixels || size.height > kMostPixels) {
    return std::nullopt;
  }
  return size;
}

}  // namespace mig::report
