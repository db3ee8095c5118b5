// SPDX-License-Identifier: Apache-2.0
// Pieces of charts as SVG text: the one place that writes SVG. Threading: pure functions.
#ifndef MIGCTL_REPORT_SVG_H_
#define MIGCTL_REPORT_SVG_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace mig::report::svg {

// `more`: further attributes.
std::string words(double x, double y, std::string_view text, std::string_view more = {});
std::string line(double x1, double y1, double x2, double y2, std::string_view style);
std::string box(double x, double y, double width, double height, std::string_view style);

// A file of its own, from the tag <svg> to the white background; "</svg>" ends it.
std::string head(int width, int height, std::string_view title);

// Within a page, whose style sheet colours it: from <svg> to <desc>; `id` is unique in the page.
std::string begin(int width,
                  int height,
                  std::string_view id,
                  std::string_view title,
                  std::string_view description);

// Width of a text in DejaVu Sans, the widest of the usual fonts, at that size in pixels.
double width_of(std::string_view text, double size);
// Cut with "…" so that it fits.
std::string fitted(std::string_view text, double width, double size);

}  // namespace mig::report::svg

#endif  // MIGCTL_REPORT_SVG_H_
