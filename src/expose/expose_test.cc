// SPDX-License-Identifier: Apache-2.0
// The page of a node as golden files in both formats and dialects, and what each must never hold.
// MIG_UPDATE_GOLDENS=1 writes them.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "expose/render.h"
#include "expose/test_figures.h"
#include "model/testing/test_sample.h"

#ifdef MIG_HAS_PROMETHEUS_CPP
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#endif

namespace mig::expose {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void expect_golden(const std::string& name, const std::string& page) {
  const std::string path = std::string(MIG_EXPOSE_TESTDATA) + "/" + name;
  if (std::getenv("MIG_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(path) << page;
  }
  EXPECT_EQ(read_file(path), page) << name;
}

std::string page_of(const MachineSample& sample, Format format, Dialect dialect) {
  return render(sample, test_figures(), {format, dialect});
}

bool has(const std::string& page, const std::string& text) {
  return page.find(text) != std::string::npos;
}

TEST(Page, IsTheGoldenOneInEachFormatAndDialect) {
  const MachineSample sample = test_sample();
  expect_golden("text.prom", page_of(sample, Format::kText, Dialect::kOff));
  expect_golden("text_legacy.prom", page_of(sample, Format::kText, Dialect::kLegacy));
  expect_golden("text_4_9.prom", page_of(sample, Format::kText, Dialect::kNew));
  expect_golden("openmetrics_legacy.txt", page_of(sample, Format::kOpenMetrics, Dialect::kLegacy));
  expect_golden("withdrawn.prom",
                page_of(withdrawn(sample, "the driver does not answer since 4 s"),
                        Format::kText,
                        Dialect::kLegacy));
}

TEST(Page, UnknownIsAbsentAndNeverZero) {
  const std::string page = page_of(test_sample(), Format::kText, Dialect::kLegacy);
  EXPECT_FALSE(has(
      page,
      R"(mig_instance_sm_activity_ratio{gpu_uuid="GPU-00000000-0000-0000-0000-000000000000",gi="9")"));
  EXPECT_FALSE(has(
      page,
      R"(mig_instance_memory_used_bytes{gpu_uuid="GPU-00000000-0000-0000-0000-000000000000",gi="10")"));
  EXPECT_TRUE(has(
      page,
      R"(mig_instance_memory_used_bytes{gpu_uuid="GPU-00000000-0000-0000-0000-000000000000",gi="9",simulated="true"} 0)"));
  EXPECT_TRUE(
      has(page, R"(gi="9",source="unknown",reason="two samples are needed, one was taken")"));
  // The driver tells no utilisation in MIG mode.
  EXPECT_FALSE(has(page, R"(mig_gpu_utilization_ratio{gpu_uuid="GPU-00000000)"));
  EXPECT_FALSE(std::regex_search(page, std::regex("DCGM_FI_DEV_GPU_UTIL\\{gpu=\"0\"")));
}

TEST(Page, OfAnEmptySampleHasNoReadings) {
  const std::string page = render(MachineSample{}, {}, {});
  EXPECT_FALSE(has(page, "mig_instance"));
  EXPECT_FALSE(has(page, "DCGM"));
  EXPECT_FALSE(has(page, "simulated=\"true\""));
}

TEST(Page, AWithdrawnSampleHasNoReadings) {
  const std::string page =
      page_of(withdrawn(test_sample(), "hung"), Format::kText, Dialect::kLegacy);
  EXPECT_FALSE(has(page, "gpu_uuid"));
  EXPECT_FALSE(has(page, "DCGM"));
  EXPECT_FALSE(has(page, "mig_gpus{"));
  EXPECT_TRUE(has(page, "mig_readings_withdrawn{simulated=\"true\"} 1"));
  EXPECT_TRUE(has(page, R"(mig_collector_success{collector="topology",simulated="true"} 0)"));
  EXPECT_TRUE(has(page, R"(mig_readings_withdrawn_info{reason="hung",simulated="true"} 1)"));
}

TEST(Page, EverySeriesOfASimulatedMachineSaysSo) {
  MachineSample sample = test_sample();
  for (const std::string& line :
       base::split(page_of(sample, Format::kText, Dialect::kLegacy), '\n')) {
    if (!line.empty() && line.front() != '#') {
      EXPECT_TRUE(has(line, "simulated=\"true\"")) << line;
    }
  }
  sample.simulated = false;
  EXPECT_FALSE(has(page_of(sample, Format::kText, Dialect::kLegacy), "simulated=\""));
}

TEST(Page, WithoutJobsNamesTenantsOnly) {
  const std::string page =
      render(test_sample(), test_figures(), {Format::kText, Dialect::kLegacy, false});
  EXPECT_TRUE(has(page, R"(lease="193",tenant="team-a",simulated="true"} 1)"));
  for (const char* secret : {"big", "\"1001\"", "88123", "job=", ",uid="}) {
    EXPECT_FALSE(has(page, secret)) << secret;
  }
}

TEST(Page, AVanishedInstanceLeavesNothing) {
  MachineSample sample = test_sample();
  sample.gpus[0].instances.erase(sample.gpus[0].instances.begin());
  const std::string page = page_of(sample, Format::kText, Dialect::kLegacy);
  EXPECT_FALSE(has(page, R"(gi="2")"));  // nor its Xids: the driver gives its id to another one
  EXPECT_FALSE(has(page, R"(GPU_I_ID="2")"));
}

TEST(Page, NoSeriesTwiceAndEachFamilyInOnePlace) {
  for (const Dialect dialect : {Dialect::kLegacy, Dialect::kNew}) {
    std::set<std::string> series;
    std::set<std::string> closed;
    std::string family;
    for (const std::string& line :
         base::split(page_of(test_sample(), Format::kText, dialect), '\n')) {
      if (line.empty() || line.front() == '#') {
        continue;
      }
      const std::string id = line.substr(0, line.rfind(' '));
      EXPECT_TRUE(series.insert(id).second) << id;
      const std::string name = id.substr(0, id.find('{'));
      if (name != family) {
        EXPECT_TRUE(closed.insert(name).second) << name;
        family = name;
      }
    }
  }
}

// What makes a scraper refuse a whole page, or lets a user forge a series.
TEST(Labels, HostileValuesStayOneLabel) {
  EXPECT_EQ(Labels().add("a", "x\"} 1\nforged 2\\").text(), R"(a="x\"} 1\nforged 2\\")");
  EXPECT_EQ(Labels().add("a", std::string_view("\0\x1b[31m\r", 7)).text(), "a=\"??[31m?\"");
  EXPECT_EQ(Labels().add("a", "\xFF\xC3").text(), "a=\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
  const std::string cut = Labels().add("a", std::string(127, 'x') + "\xC3\xA9z").text();
  EXPECT_EQ(cut, "a=\"" + std::string(127, 'x') + "\"");
  EXPECT_LE(Labels().add("a", std::string(1 << 20, 'x')).text().size(), kLongestLabel + 4);
}

TEST(Families, AFamilyIsBoundedAndSaysWhatItLeftOut) {
  Families families;
  for (std::size_t i = 0; i < kMostSeries + 3; ++i) {
    families.add("mig_x", Type::kGauge, "X.", Labels().add("i", i), 1);
  }
  EXPECT_EQ(families.all().front().series.size(), kMostSeries);
  EXPECT_EQ(families.dropped(), 3U);
}

TEST(Families, AValueThatIsNotFiniteIsAbsent) {
  Families families;
  families.add("mig_x", Type::kGauge, "X.", {}, std::nan(""));
  families.add("mig_x", Type::kGauge, "X.", {}, HUGE_VAL);
  families.add("mig_x", Type::kGauge, "X.", {}, std::nullopt);
  EXPECT_TRUE(families.all().empty());
}

TEST(Dialects, HaveTheLabelsOfDcgmExporterInItsOrder) {
  MachineSample sample = test_sample();
  sample.simulated = false;
  const std::string page = page_of(sample, Format::kText, Dialect::kLegacy);
  EXPECT_TRUE(has(page,
                  R"(DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-00000000-0000-0000-0000-000000000000",)"
                  R"(pci_bus_id="00000000:83:00.0",device="nvidia0",modelName="NVIDIA H200",)"
                  R"(GPU_I_PROFILE="3g.71gb",GPU_I_ID="2",hostname="n1",)"
                  R"(DCGM_FI_DRIVER_VERSION="590.48.01",hpc_job="88123"} 17408)"));
  EXPECT_TRUE(has(
      page,
      R"(GPU_I_ID="2",hostname="n1",DCGM_FI_DRIVER_VERSION="590.48.01",hpc_job="88124"} 0.916700)"));
  // A GPU without MIG has no instance labels.
  EXPECT_TRUE(has(
      page,
      R"(modelName="NVIDIA A100-SXM4-40GB",hostname="n1",DCGM_FI_DRIVER_VERSION="590.48.01"} 25)"));
  const std::string newer = page_of(sample, Format::kText, Dialect::kNew);
  EXPECT_TRUE(has(newer, R"(DCGM_FI_SYSTEM_DRIVER_VERSION="590.48.01"} 0.25)"));
  EXPECT_FALSE(has(newer, "DCGM_FI_DEV_FB_USED"));
}

TEST(Dialects, AreNamed) {
  for (const Dialect dialect : {Dialect::kOff, Dialect::kLegacy, Dialect::kNew}) {
    EXPECT_EQ(parse_dialect(name_of(dialect)), dialect);
  }
  EXPECT_EQ(parse_dialect("4.8"), std::nullopt);
}

TEST(OpenMetrics, KeepsItsRules) {
  const std::string page = page_of(test_sample(), Format::kOpenMetrics, Dialect::kLegacy);
  EXPECT_TRUE(page.ends_with("# EOF\n"));
  EXPECT_TRUE(
      has(page,
          "# TYPE mig_instance_energy_joules counter\n# UNIT mig_instance_energy_joules joules\n"
          "mig_instance_energy_joules_total{"));
  EXPECT_TRUE(has(page, "# TYPE mig_instance info\nmig_instance_info{"));
  // A counter has to end in _total there; DCGM's does not.
  EXPECT_TRUE(has(page, "# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION unknown\n"));
  EXPECT_FALSE(has(page, "\n\n"));
}

// docs/reference/metrics.md has a line for each of our families, and for no other.
TEST(Documentation, HasEveryFamily) {
  std::set<std::string> ours;
  const MachineSample sample = test_sample();
  for (const MachineSample& one : {sample, withdrawn(sample, "hung")}) {
    NodeFigures figures = test_figures();
    figures.open_change_seconds = 1;
    for (const Dialect dialect : {Dialect::kLegacy, Dialect::kNew}) {
      const Families families = families_of(one, figures, {Format::kText, dialect});
      for (const Family& family : families.all()) {
        ours.insert(std::string(family.name));
      }
    }
  }
  std::set<std::string> documented;
  const std::string page = read_file(MIG_METRICS_PAGE);
  const std::regex row("(?:^|\n)(?:\\| |- )`((?:mig|DCGM)_[A-Za-z0-9_]+)`");
  for (std::sregex_iterator at(page.begin(), page.end(), row); at != std::sregex_iterator(); ++at) {
    documented.insert((*at)[1]);
  }
  EXPECT_EQ(ours, documented);
}

#ifdef MIG_HAS_PROMETHEUS_CPP

// Series by name and labels, in any order of labels, with values as numbers.
std::map<std::string, double> parsed(const std::string& page) {
  std::map<std::string, double> series;
  for (const std::string& line : base::split(page, '\n')) {
    if (!line.empty() && line.front() != '#') {
      series[line.substr(0, line.rfind(' '))] =
          std::strtod(line.c_str() + line.rfind(' '), nullptr);
    }
  }
  return series;
}

// The same families written by prometheus-cpp. Its labels are given unescaped.
std::string written_by_prometheus_cpp(const Families& families) {
  std::vector<prometheus::MetricFamily> theirs;
  for (const Family& family : families.all()) {
    prometheus::MetricFamily other;
    other.name = std::string(family.name);
    other.help = std::string(family.help);
    other.type = family.type == Type::kCounter ? prometheus::MetricType::Counter
                                               : prometheus::MetricType::Gauge;
    for (const Series& series : family.series) {
      prometheus::ClientMetric metric;
      const std::regex label("([A-Za-z_]+)=\"((?:[^\"\\\\]|\\\\.)*)\"");
      for (std::sregex_iterator at(series.labels.begin(), series.labels.end(), label), end;
           at != end;
           ++at) {
        std::string value = (*at)[2];
        value = std::regex_replace(value, std::regex("\\\\n"), "\n");
        value = std::regex_replace(value, std::regex("\\\\([\"\\\\])"), "$1");
        metric.label.push_back({(*at)[1], value});
      }
      metric.gauge.value = series.value;
      metric.counter.value = series.value;
      other.metric.push_back(metric);
    }
    theirs.push_back(other);
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, theirs);
  return out.str();
}

TEST(PrometheusCpp, WritesTheSameSeriesAndHeads) {
  const Families families = families_of(test_sample(), test_figures(), {});
  const std::string ours = to_text(families, Format::kText);
  const std::string theirs = written_by_prometheus_cpp(families);
  EXPECT_EQ(parsed(ours), parsed(theirs));
  EXPECT_GT(parsed(ours).size(), 100U);
  const auto heads = [](const std::string& page) {
    std::set<std::string> lines;
    for (const std::string& line : base::split(page, '\n')) {
      if (line.starts_with("#")) {
        lines.insert(line);
      }
    }
    return lines;
  };
  EXPECT_EQ(heads(ours), heads(theirs));
}

#endif

}  // namespace
}  // namespace mig::expose
