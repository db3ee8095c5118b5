// SPDX-License-Identifier: Apache-2.0
// The comparison itself, with stubs of mig-workload and of NVIDIA's MPS control. The stub's speeds
// depend on how many of its kind run at once, so that a way that ran its jobs wrongly has another
// figure.
#include "service/compare_sharing.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "service/printed_rate.h"
#include "service/sharing_needs.h"
#include "service/test_mps_control.h"

namespace mig::service {
namespace {

namespace fs = std::filesystem;
using sharing::Choice;
using sharing::Way;
using sharing::WayReport;

// A training begins when its stdin ends; then it counts its kind: 100/s alone, of two each 60 under
// MPS, else 45. The instance MIG-b is half as fast as MIG-a (80). A job beside the memory hog dies.
constexpr const char* kSharers = R"(#!/bin/sh
here=$(dirname "$0")
pipe=${CUDA_MPS_PIPE_DIRECTORY-$here}
[ -e "$pipe/control" ] && echo $$ >> "$pipe/clients"
result() { echo "{\"kind\":\"WorkloadResult\"$1}"; }
case "$*" in
  info*) result ',"sm":132,"memoryTotalBytes":157286400000,"memoryFreeBytes":99999' ;;
  train*)
    [ -e "$here/hogging" ] && { result ',"error":"CUDA_ERROR_OUT_OF_MEMORY"'; exit 4; }
    mkdir -p "$here/at-work" && touch "$here/at-work/$$"
    echo '{"kind":"WorkloadStarted"}'
    case "$*" in *--hold*) cat >/dev/null ;; esac
    others=$(ls "$here/at-work" | wc -l)
    sleep 0.3
    rm "$here/at-work/$$"
    speed=100
    [ "$others" -gt 1 ] && speed=45 && [ -e "$pipe/control" ] && speed=60
    case ${CUDA_VISIBLE_DEVICES-} in MIG-a) speed=80 ;; MIG-b) speed=40 ;; esac
    result ",\"stepsPerSecond\":$speed,\"stepMsP50\":10,\"stepMsP99\":12,\"memoryHeldBytes\":1048576" ;;
  hog*)
    trap 'rm -f "$here/hogging"; result; exit 0' TERM
    touch "$here/hogging"
    echo '{"kind":"WorkloadStarted"}'
    while :; do sleep 0.01; done ;;
  fault*|oom*) result ;;
esac
)";

class CompareSharing : public testing::Test {
 protected:
  CompareSharing() {
    char name[] = "/tmp/compare-sharing-XXXXXX";
    folder_ = ::mkdtemp(name);
    write("mig-workload", kSharers);
    write("nvidia-cuda-mps-control", kMpsControl);
    path_ = ::getenv("PATH");
    ::setenv("PATH", (folder_ + ":" + path_).c_str(), 1);
    request_.workload = folder_ + "/mig-workload";
    request_.rounds = 2;
    request_.seconds = 0.1;
    request_.isolation = false;
    request_.tell = [](const std::string&) {};
  }

  ~CompareSharing() override {
    ::setenv("PATH", path_.c_str(), 1);
    fs::remove_all(folder_);
  }

  void write(const std::string& name, const char* script) const {
    const std::string file = folder_ + "/" + name;
    std::ofstream(file) << script;
    ::chmod(file.c_str(), 0700);
  }

  static WayReport way(Way kind) {
    WayReport report;
    report.way = kind;
    report.places = {{"GPU-1", "GPU 0", {}, false, "NVIDIA H200"}};
    if (kind == Way::kMig) {
      report.places = {{"MIG-a", "4g on GPU 0", {}, true, "NVIDIA H200"},
                       {"MIG-b", "2g on GPU 0", {}, true, "NVIDIA H200"}};
    }
    return report;
  }

  std::string folder_, path_;
  CompareRequest request_;
};

TEST_F(CompareSharing, EachWayRunsItsJobsAsItSays) {
  request_.ways = {way(Way::kExclusive), way(Way::kTimeSlicing), way(Way::kMps), way(Way::kMig)};
  const auto report = compare_sharing(request_);
  ASSERT_TRUE(report) << report.error().text();
  const auto figures = [&](std::size_t i) { return report->ways.at(i).figures; };
  EXPECT_NEAR(figures(0).throughput->value, 100, 1e-6) << "in turn: never two at once";
  EXPECT_NEAR(figures(0).per_job[0]->value, 50, 1e-6);
  EXPECT_NEAR(figures(1).throughput->value, 90, 1e-6) << "both waited for each other";
  EXPECT_NEAR(figures(2).throughput->value, 120, 1e-6);
  EXPECT_NEAR(figures(2).gain->value, 1.2, 1e-6);
  EXPECT_NEAR(figures(3).throughput->value, 120, 1e-6);
  EXPECT_NEAR(figures(3).per_job[1]->value, 40, 1e-6) << "each on an instance of its own";
  EXPECT_NEAR(figures(3).least_share->value, 0.5, 1e-6);
  for (const sharing::JobRun& job : report->ways[2].rounds.at(0).jobs) {
    EXPECT_EQ(job.mps_member, true);
  }
  EXPECT_FALSE(report->ways[1].rounds.at(0).jobs.at(0).mps_member);
  EXPECT_EQ(report->advice.choice, Choice::kMps) << "x1.2 without noise";
  EXPECT_EQ(report->advice.rules.back().name, "gain");
}

TEST_F(CompareSharing, LimitsAreAnEqualPartForEach) {
  request_.ways = {way(Way::kMpsLimits)};
  const auto report = compare_sharing(request_);
  ASSERT_TRUE(report) << report.error().text();
  ASSERT_TRUE(report->ways[0].caps);
  EXPECT_EQ(report->ways[0].caps->sm_asked, 66U);
  request_.jobs = 4;
  EXPECT_EQ(compare_sharing(request_)->ways[0].caps->sm_asked, 33U);
}

TEST_F(CompareSharing, AMemoryHogKillsAndThatIsKnownToTheAdvice) {
  request_.isolation = true;
  request_.wishes.bursty = true;
  request_.ways = {way(Way::kExclusive), way(Way::kTimeSlicing)};
  const auto report = compare_sharing(request_);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_TRUE(report->ways[0].neighbours.empty()) << "nobody is beside an exclusive job";
  const auto& beside = report->ways[1].neighbours;
  ASSERT_EQ(beside.size(), 2U);
  EXPECT_EQ(beside[0].verdict.finding, isolation::Finding::kIsolated) << beside[0].verdict.why;
  EXPECT_EQ(beside[1].verdict.finding, isolation::Finding::kKilled);
  EXPECT_EQ(report->advice.choice, Choice::kTimeSlicing);
  ASSERT_EQ(report->advice.warnings.size(), 1U);
  EXPECT_NE(report->advice.warnings[0].find("takes all memory"), std::string::npos);
}

TEST_F(CompareSharing, EnergyIsOfTheTimeInWhichTheJobsWork) {
  double joules = 1000;
  request_.energy_joules = [&](GpuIndex) { return joules += 50; };
  request_.ways = {way(Way::kExclusive), way(Way::kTimeSlicing)};
  const auto report = compare_sharing(request_);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_NEAR(*report->ways[0].rounds.at(0).energy_joules, 100, 1e-9) << "of two jobs in turn";
  EXPECT_NEAR(*report->ways[1].rounds.at(0).energy_joules, 50, 1e-9);
  EXPECT_TRUE(report->ways[1].figures.joules_per_unit);
}

TEST_F(CompareSharing, AProgramOfTheUsersOwn) {
  write("own", "#!/bin/sh\necho 'speed 3'; echo 'speed 7.5 units'; sleep 0.05\n");
  request_.command = {folder_ + "/own"};
  request_.rate_regex = "speed ([0-9.]+)";
  request_.ways = {way(Way::kExclusive), way(Way::kTimeSlicing)};
  request_.isolation = true;
  const auto report = compare_sharing(request_);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_NEAR(report->ways[0].figures.throughput->value, 7.5, 1e-9);
  EXPECT_NEAR(report->ways[1].figures.throughput->value, 15, 1e-9);
  EXPECT_EQ(report->unit, "units");
  EXPECT_FALSE(report->ways[1].figures.step_ms_p50);
  request_.rate_regex = "no such ([0-9]+)";
  const auto none = compare_sharing(request_);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("printed no rate"), std::string::npos);
}

TEST_F(CompareSharing, AProgramThatNeverEndsIsStoppedAfterItsTime) {
  write("own", "#!/bin/sh\nwhile :; do echo 'speed 5'; sleep 0.02; done\n");
  request_.command = {folder_ + "/own"};
  request_.rate_regex = "speed ([0-9.]+)";
  request_.ways = {way(Way::kTimeSlicing)};
  const auto report = compare_sharing(request_);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_NEAR(report->ways[0].figures.throughput->value, 10, 1e-9);
}

TEST_F(CompareSharing, WithoutARegularExpressionAWorkloadResultIsTheRate) {
  write("own", "#!/bin/sh\necho '{\"kind\":\"WorkloadResult\",\"stepsPerSecond\":3}'\n");
  request_.command = {folder_ + "/own"};
  request_.ways = {way(Way::kTimeSlicing)};
  const auto report = compare_sharing(request_);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_NEAR(report->ways[0].figures.throughput->value, 6, 1e-9);
}

TEST_F(CompareSharing, AJobThatFailsAloneEndsIt) {
  write("mig-workload", "#!/bin/sh\necho 'no CUDA driver' >&2; exit 3\n");
  request_.ways = {way(Way::kExclusive)};
  const auto report = compare_sharing(request_);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("fails alone"), std::string::npos);
  EXPECT_NE(report.error().message.find("no CUDA driver"), std::string::npos);
}

TEST_F(CompareSharing, WhatTheSimulatorHasNoModelOfIsSaid) {
  request_.simulated = true;
  request_.ways = {way(Way::kTimeSlicing), way(Way::kMps), way(Way::kMpsLimits)};
  const auto report = compare_sharing(request_);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->ways[0].skipped, "");
  EXPECT_EQ(report->ways[1].skipped, "not simulated: the simulator has no model of MPS");
  EXPECT_EQ(report->ways[2].skipped, report->ways[1].skipped);
}

TEST_F(CompareSharing, AStopEndsItWithWhatIsThere) {
  std::atomic<bool> stop{false};
  request_.stop = &stop;
  request_.rounds = 50;
  request_.ways = {way(Way::kTimeSlicing)};
  int told = 0;
  request_.tell = [&](const std::string&) { stop = ++told > 2; };
  const auto report = compare_sharing(request_);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_TRUE(report->stopped);
  EXPECT_LE(report->ways[0].rounds.size(), 2U);
}

TEST(SharingNeeds, WhatIsThereIsFoundByLooking) {
  SharingHost host{"615.12", 13040, "6.14.2-generic", "cpuset cpu io memory dmem pids\n"};
  EXPECT_EQ(dmem_missing(host), "");
  host.driver_version = "580.159.04";
  EXPECT_EQ(dmem_missing(host), "not here: needs driver r615 (here 580.159.04)");
  host = {"615.12", 13030, "6.13.9", "cpu memory pids"};
  EXPECT_EQ(dmem_missing(host),
            "not here: needs CUDA 13.4 (here 13.3), cgroup controller dmem (not among those of "
            "/sys/fs/cgroup), kernel >= 6.14 (here 6.13.9)");
  host = {"", std::nullopt, "", std::nullopt};
  EXPECT_EQ(dmem_missing(host),
            "not here: needs driver r615 (here unknown), CUDA 13.4 (here unknown), cgroup v2 (not "
            "mounted at /sys/fs/cgroup), kernel >= 6.14 (here unknown)");
}

TEST_F(CompareSharing, TheHostsControllersAreRead) {
  fs::create_directories(folder_ + "/sys/fs/cgroup");
  std::ofstream(folder_ + "/sys/fs/cgroup/cgroup.controllers") << "cpu dmem\n";
  EXPECT_EQ(look_at_host("1", {}, folder_).controllers, "cpu dmem\n");
  EXPECT_FALSE(look_at_host("1", {}, folder_ + "/nowhere").controllers);
  EXPECT_FALSE(look_at_host("1", {}, "").kernel.empty());
}

TEST(PrintedRate, TheLastMatchThatIsANumber) {
  EXPECT_EQ(printed_rate("a 1\na 2.5e1 x\nb 9\n", "^a ([0-9.e]+)"), 25);
  EXPECT_EQ(printed_rate("a 1\na ...\n", "a ([0-9.]+)"), 1);
  EXPECT_FALSE(printed_rate("b 1\n", "a ([0-9.]+)"));
  EXPECT_TRUE(check_rate_regex("a ([0-9.]+)"));
  for (const char* bad : {"a", "(a)(b)", "(a", "[", ""}) {
    const auto checked = check_rate_regex(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().code, ErrorCode::kUsage);
  }
}

}  // namespace
}  // namespace mig::service
