// SPDX-License-Identifier: Apache-2.0
// Pieces of charts as SVG text.
#ifndef MIGCTL_CLI_SVG_H_
#define MIGCTL_CLI_SVG_H_

#include <string>
#include <string_view>

namespace mig::cli::svg {

// For text between tags and in attributes; control characters become blanks.
std::string escaped(std::string_view text);
// `more`: further attributes.
std::string words(double x, int y, std::string_view text, std::string_view more = {});
std::string line(double x1, double y1, double x2, double y2, std::string_view style);
std::string box(double x, double y, double width, double height, std::string_view style);
// From the tag <svg> to the background; "</svg>" ends it.
std::string head(int width, int height, std::string_view title);

}  // namespace mig::cli::svg

#endif  // MIGCTL_CLI_SVG_H_
