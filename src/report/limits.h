// SPDX-License-Identifier: Apache-2.0
// How much of a block a report shows. What is beyond is cut, and the place says so.
#ifndef MIGCTL_REPORT_LIMITS_H_
#define MIGCTL_REPORT_LIMITS_H_

#include <cstddef>

namespace mig::report {

inline constexpr std::size_t kMostTranscriptBytes = std::size_t{20} * 1024;  // of one command
inline constexpr std::size_t kMostTranscriptLines = 150;
inline constexpr std::size_t kMostTranscriptLine = 1000;  // bytes
inline constexpr std::size_t kMostTextBytes =
    std::size_t{8} * 1024;  // of a paragraph, an item, a cell
inline constexpr std::size_t kMostTitleBytes = 200;
inline constexpr std::size_t kMostFacts = 40;  // of the machine
inline constexpr std::size_t kMostFactBytes = 500;
inline constexpr std::size_t kMostItems = 300;  // of a list
inline constexpr std::size_t kMostRows = 300;   // of a table
inline constexpr std::size_t kMostColumns = 24;
inline constexpr std::size_t kMostGroups = 40;     // of a chart
inline constexpr std::size_t kMostSeries = 8;      // colours and patterns that can be told apart
inline constexpr std::size_t kMostPoints = 360;    // of a line: two for each step of the drawing
inline constexpr std::size_t kMostPointRows = 40;  // of a line chart's figures
inline constexpr std::size_t kMostMarks = 12;
inline constexpr std::size_t kMostSlots = 64;  // of a strip
inline constexpr std::size_t kMostPictureBytes = 400'000;
inline constexpr std::size_t kMostSections = 300;

}  // namespace mig::report

#endif  // MIGCTL_REPORT_LIMITS_H_
