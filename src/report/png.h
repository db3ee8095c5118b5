// SPDX-License-Identifier: Apache-2.0
// The size of a PNG picture. Threading: pure function.
#ifndef MIGCTL_REPORT_PNG_H_
#define MIGCTL_REPORT_PNG_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace mig::report {

struct PngSize {
  std::uint32_t width = 0, height = 0;
};

// From its header; nullopt: no PNG file, or without a size.
std::optional<PngSize> png_size(std::string_view bytes);

}  // namespace mig::report

#endif  // MIGCTL_REPORT_PNG_H_
