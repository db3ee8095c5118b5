// SPDX-License-Identifier: Apache-2.0
#include "cli/render_isolation.h"

#include <gtest/gtest.h>

#include "wire/testdata/isolation_sample.h"

namespace mig::cli {
namespace {

const Paint kNoColor(false);
const wire::Source kLab{true, "lab"};

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

// Checks that every element is closed, in order.
bool well_formed(const std::string& xml) {
  std::vector<std::string> open;
  for (auto at = xml.find('<'); at != std::string::npos; at = xml.find('<', at + 1)) {
    const auto end = xml.find('>', at);
    if (end == std::string::npos) {
      return false;
    }
    const std::string tag = xml.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos) {
      return false;
    }
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) {
        return false;
      }
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  return open.empty();
}

TEST(RenderIsolation, VerdictsInWords) {
  const isolation::Report report = sample::isolation();
  EXPECT_EQ(verdict_text(report.modes[0].cells[0]), "isolated");
  EXPECT_EQ(verdict_text(report.modes[0].cells[1]), "not decided: the interval is too wide");
  EXPECT_EQ(verdict_text(report.modes[2].cells[0]), "slowed by 30 % (28..32); p99 x7.0");
  EXPECT_EQ(verdict_text(report.modes[2].cells[1]), "KILLED, 1 of 2: CUDA_ERROR_LAUNCH_FAILED");
}

TEST(RenderIsolation, TheTable) {
  const std::string text = isolation_text(sample::isolation(), kLab, kNoColor);
  EXPECT_EQ(text.substr(0, 23), "SIMULATED machine \"lab\"");
  for (const char* part :
       {"  hog dram     2/2  0.998 (0.990..1.005)    4.99    6.23  isolated\n",
        "  alone     201.0 steps/s, step p50 4.98 ms, p99 6.22 ms\n",
        "  not run: there is no nvidia-cuda-mps-control here\n",
        "16 of 132 SMs / 16 (at 12.50 %); 16384 MiB / 16360 MiB free, refused beyond\n",
        "  fault trap           1/2  - ",
        "proves a limit of memory, not that a fault",
        "A simulated device shows the simulator's model"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(RenderIsolation, HardwareIsNotCalledSimulated) {
  const isolation::Report report = sample::isolation();
  EXPECT_EQ(isolation_text(report, {}, kNoColor).find("imulated"), std::string::npos);
  EXPECT_EQ(isolation_svg(report, {}).find("SIMULATED"), std::string::npos);
}

TEST(IsolationSvg, SaysSoAndNamesEveryVerdict) {
  const std::string svg = isolation_svg(sample::isolation(), kLab);
  EXPECT_TRUE(well_formed(svg)) << svg;
  EXPECT_EQ(count(svg, "SIMULATED machine &quot;lab&quot;"), 2U) << "title and heading";
  for (const char* part : {">isolated<",
                           ">slowed by 30 % (28..32); p99 x7.0<",
                           ">KILLED, 1 of 2: CUDA_ERROR_LAUNCH_FAILED<",
                           ">hog &lt;dram&gt; &amp; more<",
                           "role=\"img\"",
                           "not run: there is no"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
  // Intervals: the two in the first panel and the slowed one; the killed one has no speed.
  EXPECT_EQ(count(svg, "stroke-width=\"3\"/>\n<"), 4U) << "three intervals and a cross";
}

TEST(IsolationSvg, StaysInsideItsFrame) {
  isolation::Report report = sample::isolation();
  report.modes[0].cells[1].verdict.share = isolation::Estimate{900, -5, 1e300};
  report.modes[0].cells[1].verdict.why = std::string(5000, 'x');
  const std::string svg = isolation_svg(report, kLab);
  EXPECT_TRUE(well_formed(svg));
  EXPECT_NE(svg.find("x1=\"190.0\""), std::string::npos);
  EXPECT_NE(svg.find("x2=\"610.0\""), std::string::npos);
  EXPECT_LT(svg.size(), 20000U);
}

}  // namespace
}  // namespace mig::cli
