// SPDX-License-Identifier: Apache-2.0
// Metric families in Prometheus' data model, as values. Names are those of text format 0.0.4: a
// counter's ends in "_total" (but for DCGM's names), an info family's in "_info"; text.h derives
// what OpenMetrics wants from them. Labels are escaped once, where they are made.
//
//   Families families;
//   const Labels gpu = Labels().add("gpu_uuid", uuid);
//   families.add("mig_gpu_power_watts", Type::kGauge, "Power draw of the board.", gpu, 412.5);
#ifndef MIGCTL_EXPOSE_FAMILY_H_
#define MIGCTL_EXPOSE_FAMILY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mig::expose {

// Longest value of a label, in bytes: users choose the names of jobs and tenants.
inline constexpr std::size_t kLongestLabel = 128;
// Most series of one family. What is beyond is counted (`dropped`), never written.
inline constexpr std::size_t kMostSeries = 4096;

enum class Type { kGauge, kCounter, kInfo };

// How values are written: the shortest text that reads back as the same number, or six decimals
// (printf's %f) as dcgm-exporter writes its doubles.
enum class Form { kShortest, kSixDecimals };

// Label set as text without braces: `gpu_uuid="GPU-1",gi="2"`. Values are cut to kLongestLabel
// bytes at a character's border; bytes that are not UTF-8 become U+FFFD, since one such byte makes
// a scraper refuse the whole page.
class Labels {
 public:
  Labels& add(std::string_view name, std::string_view value);
  Labels& add(std::string_view name, std::uint64_t value);

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct Series {
  std::string labels;  // Labels::text()
  double value = 0;
};

struct Family {
  std::string_view name, help;  // of static storage
  Type type = Type::kGauge;
  Form form = Form::kShortest;
  std::vector<Series> series;
};

// Families in the order in which they were first named; the series of each stand together, as both
// formats demand.
class Families {
 public:
  // `name` and `help` must outlive this object: literals. A value that is not finite is left out.
  void add(std::string_view name,
           Type type,
           std::string_view help,
           const Labels& labels,
           std::optional<double> value,
           Form form = Form::kShortest);

  const std::vector<Family>& all() const { return families_; }

  std::uint64_t dropped() const { return dropped_; }

 private:
  std::vector<Family> families_;
  std::map<std::string_view, std::size_t> by_name_;
  std::uint64_t dropped_ = 0;
};

}  // namespace mig::expose

#endif  // MIGCTL_EXPOSE_FAMILY_H_
