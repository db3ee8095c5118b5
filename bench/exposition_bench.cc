// SPDX-License-Identifier: Apache-2.0
// The page of /metrics for a node of 8 GPUs of 7 instances: families, text and gzip of ours, and
// prometheus-cpp's serializer for the same families, where it is installed. Its families are made
// before the clock starts; ours are not.
//
//   mig-bench-exposition [REPETITIONS]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "expose/render.h"
#include "expose/test_figures.h"
#include "http/gzip.h"
#include "model/testing/test_sample.h"

#ifdef MIG_HAS_PROMETHEUS_CPP
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#endif

namespace {

using mig::expose::Dialect;
using mig::expose::Families;
using mig::expose::Family;
using mig::expose::Format;
using mig::expose::Series;

void measure(const char* what, int repetitions, const std::function<std::size_t()>& work) {
  std::vector<double> took;
  std::size_t size = 0;
  for (int i = 0; i < repetitions; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    size = work();
    took.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun)
            .count());
  }
  std::sort(took.begin(), took.end());
  fmt::print("{:<44} p50 {:7.3f} ms  p99 {:7.3f} ms  {} bytes\n",
             what,
             took[took.size() / 2],
             took[took.size() * 99 / 100],
             size);
}

#ifdef MIG_HAS_PROMETHEUS_CPP
std::vector<prometheus::MetricFamily> for_prometheus_cpp(const Families& families) {
  std::vector<prometheus::MetricFamily> theirs;
  for (const Family& family : families.all()) {
    prometheus::MetricFamily other;
    other.name = std::string(family.name);
    other.help = std::string(family.help);
    other.type = prometheus::MetricType::Gauge;
    for (const Series& series : family.series) {
      prometheus::ClientMetric metric;
      std::size_t at = 0;
      while (at < series.labels.size()) {
        const std::size_t equals = series.labels.find("=\"", at);
        const std::size_t end = series.labels.find('"', equals + 2);
        metric.label.push_back({series.labels.substr(at, equals - at),
                                series.labels.substr(equals + 2, end - equals - 2)});
        at = end + 2;
      }
      metric.gauge.value = series.value;
      other.metric.push_back(metric);
    }
    theirs.push_back(other);
  }
  return theirs;
}
#endif

}  // namespace

int main(int argc, char** argv) {
  constexpr int kUsual = 300;
  constexpr std::uint32_t kGpus = 8;
  const int repetitions = argc > 1 ? std::max(1, std::atoi(argv[1])) : kUsual;
  const mig::MachineSample sample = mig::large_sample(kGpus);
  const mig::expose::NodeFigures figures = mig::expose::test_figures();
  for (const Dialect dialect : {Dialect::kOff, Dialect::kLegacy}) {
    const Families families = families_of(sample, figures, {Format::kText, dialect});
    std::size_t series = 0;
    for (const Family& family : families.all()) {
      series += family.series.size();
    }
    fmt::print(
        "dcgm={}: {} families, {} series\n", name_of(dialect), families.all().size(), series);
    measure("  ours: sample to text", repetitions, [&] {
      return render(sample, figures, {Format::kText, dialect}).size();
    });
    measure("  ours: families to text", repetitions, [&] {
      return to_text(families, Format::kText).size();
    });
    const std::string text = to_text(families, Format::kText);
    measure("  gzip", repetitions, [&] { return mig::http::gzip(text)->size(); });
#ifdef MIG_HAS_PROMETHEUS_CPP
    const auto theirs = for_prometheus_cpp(families);
    const prometheus::TextSerializer serializer;
    const auto& base = static_cast<const prometheus::Serializer&>(serializer);
    measure("  prometheus-cpp: families to text", repetitions, [&] {
      return base.Serialize(theirs).size();
    });
#endif
  }
  return 0;
}
