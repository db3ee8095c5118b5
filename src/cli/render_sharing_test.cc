// SPDX-License-Identifier: Apache-2.0
#include "cli/render_sharing.h"

#include <gtest/gtest.h>

namespace mig::cli {
namespace {

using sharing::Way;

// Two jobs: in turn 50 and 50, at once 60 and 30, of which a third round died; MPS was not had.
sharing::Report shared() {
  sharing::Report report;
  report.jobs = 2;
  report.rounds = 3;
  report.seconds = 2;
  report.job = "train <a> & b";
  report.unit = "steps";
  report.ways.resize(3);
  for (sharing::WayReport& way : report.ways) {
    way.places = {{"GPU-1", "GPU 0 (NVIDIA H200)", {}, false, "NVIDIA H200"}};
  }
  sharing::Figures& alone = report.ways[0].figures;
  alone.throughput = {100, 98, 102};
  alone.gain = {1, 1, 1};
  alone.per_job = {isolation::Estimate{50, 49, 51}, isolation::Estimate{50, 49, 51}};
  alone.joules_per_unit = {0.25, 0.24, 0.26};
  report.ways[1].way = Way::kTimeSlicing;
  report.ways[1].rounds.resize(3);
  sharing::Figures& sliced = report.ways[1].figures;
  sliced.throughput = {90, 85, 95};
  sliced.gain = {0.9, 0.85, 0.95};
  sliced.per_job = {isolation::Estimate{60, 58, 62}, isolation::Estimate{30, 28, 32}};
  sliced.died = 1;
  report.ways[2].way = Way::kMps;
  report.ways[2].skipped = "not here: needs nvidia-cuda-mps-control";
  report.advice.choice = sharing::Choice::kWholeGpu;
  report.advice.text = "a whole GPU for each";
  report.advice.rules = {{"gain", "one user's jobs", false, "x0.90"},
                         {"filled", "one job uses more", true, "x0.90, so 100 %"}};
  report.advice.warnings = {"a warning"};
  return report;
}

TEST(SharingText, SaysWhatWasMeasuredAndWhatWasNot) {
  const std::string text = sharing_text(shared(), {}, Paint(false));
  EXPECT_NE(text.find("100.0 (98.0..102.0)"), std::string::npos) << text;
  EXPECT_NE(text.find("0.90 (0.85..0.95)"), std::string::npos);
  EXPECT_NE(text.find("60.0 30.0"), std::string::npos);
  EXPECT_NE(text.find("1/6"), std::string::npos) << "of three rounds of two jobs one died";
  EXPECT_NE(text.find("250"), std::string::npos) << "joules for 1000 steps";
  EXPECT_NE(text.find("mps           not here: needs nvidia-cuda-mps-control"), std::string::npos);
  EXPECT_NE(text.find("* filled"), std::string::npos);
  EXPECT_NE(text.find("- gain"), std::string::npos);
  EXPECT_NE(text.find("but: a warning"), std::string::npos);
  EXPECT_EQ(text.find("SIMULATED"), std::string::npos);
}

TEST(SharingText, SimulatedIsSaid) {
  const std::string text = sharing_text(shared(), {true, "lab"}, Paint(false));
  EXPECT_EQ(text.rfind("SIMULATED machine \"lab\"", 0), 0U);
  EXPECT_NE(text.find("not hardware"), std::string::npos);
}

TEST(SharingSvg, IsEscapedAndToScale) {
  const std::string svg = sharing_svg(shared(), {true, "lab"});
  EXPECT_NE(svg.find("SIMULATED machine"), std::string::npos);
  EXPECT_NE(svg.find("train &lt;a&gt; &amp; b"), std::string::npos);
  EXPECT_EQ(svg.find("<a>"), std::string::npos);
  // The axis is as long as the highest end of an interval, 102: 50 of it are 240.2 pixels of 490.
  EXPECT_NE(svg.find("width=\"240.2\""), std::string::npos) << svg;
  EXPECT_NE(svg.find("not here: needs nvidia-cuda-mps-control"), std::string::npos);
  EXPECT_NE(svg.find("2 jobs on one NVIDIA H200"), std::string::npos);
  EXPECT_NE(svg.find("1 died"), std::string::npos);
}

}  // namespace
}  // namespace mig::cli
