// SPDX-License-Identifier: Apache-2.0
// The test procedure itself, with stubs of mig-workload and of NVIDIA's MPS control: scripts that
// behave as measured on an H200.
#include "service/isolation.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "service/isolation_run.h"
#include "service/test_mps_control.h"

namespace mig::service {
namespace {

namespace fs = std::filesystem;
using isolation::Finding;
using isolation::ModeReport;
using isolation::Sharing;

// The stub's behaviour: a client of MPS adds itself to the server's list. SMs come in pairs: 12.12
// % of 132 gives 14. A training beside a hog runs at 70, alone at 100; a trap kills all clients of
// its MPS server.
constexpr const char* kWorkload = R"(#!/bin/sh
here=$(dirname "$0")
pipe=${CUDA_MPS_PIPE_DIRECTORY-$here}
[ -e "$pipe/control" ] && echo $$ >> "$pipe/clients"
result() { echo "{\"kind\":\"WorkloadResult\"$1}"; }
case $1 in
  info)
    free=$((150000 * 1048576))
    limit=${CUDA_MPS_PINNED_DEVICE_MEM_LIMIT-}
    case $limit in 0=*M) l=${limit#0=}; free=$(( (${l%M} - 24) * 1048576 )) ;; esac
    p=${CUDA_MPS_ACTIVE_THREAD_PERCENTAGE-100.00}
    sm=$(( ${p%.*} * 100 + 1${p#*.} - 100 ))
    sm=$(( sm * 66 / 10000 * 2 ))
    result ",\"sm\":$sm,\"memoryTotalBytes\":157286400000,\"memoryFreeBytes\":$free" ;;
  train)
    echo '{"kind":"WorkloadStarted"}'
    rm -f "$pipe/trapped"
    for i in 1 2 3 4 5 6 7 8; do
      if [ -e "$pipe/control" ] && [ -e "$pipe/trapped" ]; then
        result ',"error":"CUDA_ERROR_LAUNCH_FAILED"'; exit 6
      fi
      sleep 0.02
    done
    speed=100
    [ -e "$here/hogging" ] && speed=70
    result ",\"stepsPerSecond\":$speed,\"stepMsP50\":10,\"stepMsP99\":12" ;;
  hog)
    [ "$2" = launch ] && { echo '{"kind":"WorkloadStarted"}'; sleep 0.05; echo "it broke" >&2; exit 6; }
    [ "$2" = tensor ] && { echo "no cuBLASLt" >&2; exit 8; }
    trap 'rm -f "$here/hogging"; result; exit 0' TERM
    touch "$here/hogging"
    echo '{"kind":"WorkloadStarted"}'
    while :; do sleep 0.01; done ;;
  fault) touch "$pipe/trapped"; result ;;
  oom) result ;;
esac
)";

class IsolationRun : public testing::Test {
 protected:
  IsolationRun() {
    char name[] = "/tmp/isolation-test-XXXXXX";
    folder_ = ::mkdtemp(name);
    write("mig-workload", kWorkload);
    write("nvidia-cuda-mps-control", kMpsControl);
    path_ = ::getenv("PATH");
    ::setenv("PATH", (folder_ + ":" + path_).c_str(), 1);
    request_.workload = folder_ + "/mig-workload";
    request_.rounds = 2;
    request_.seconds = 0.1;
    request_.tell = [](const std::string&) {};
  }

  ~IsolationRun() override {
    ::setenv("PATH", path_.c_str(), 1);
    fs::remove_all(folder_);
  }

  void write(const std::string& name, const char* script) const {
    const std::string file = folder_ + "/" + name;
    std::ofstream(file) << script;
    ::chmod(file.c_str(), 0700);
  }

  static ModeReport mode(Sharing sharing) {
    ModeReport mode;
    mode.sharing = sharing;
    mode.victim = mode.neighbour = {"GPU-1", "GPU 0", {}, false, "NVIDIA H200"};
    return mode;
  }

  std::string folder_, path_;
  IsolationRequest request_;
};

TEST_F(IsolationRun, SlowedByAHogAndUntouchedByAFault) {
  request_.modes = {mode(Sharing::kTimeSlicing)};
  request_.neighbours = {"hog dram", "fault trap", "hog tensor", "hog launch"};
  const auto report = test_isolation(request_);
  ASSERT_TRUE(report) << report.error().text();
  const auto& cells = report->modes.at(0).cells;
  EXPECT_EQ(cells.at(0).verdict.finding, Finding::kSlowed);
  EXPECT_NEAR(cells.at(0).verdict.share->value, 0.7, 1e-9);
  EXPECT_EQ(cells.at(0).samples.at(0).neighbour_exits, (std::vector<int>{0}));
  EXPECT_EQ(cells.at(1).verdict.finding, Finding::kIsolated);
  EXPECT_GE(cells.at(1).samples.at(0).neighbour_runs, 1U);
  EXPECT_EQ(cells.at(2).verdict.finding, Finding::kUndecided) << "a hog that does not start";
  EXPECT_NE(cells.at(2).verdict.why.find("no cuBLASLt"), std::string::npos);
  EXPECT_EQ(cells.at(3).verdict.finding, Finding::kUndecided) << "a hog that ends too early";
  EXPECT_NE(cells.at(3).verdict.why.find("it broke"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ + "/hogging")) << "the hog was stopped in order";
}

TEST_F(IsolationRun, UnderMpsAFaultKillsAndTheVictimIsAClient) {
  request_.modes = {mode(Sharing::kMps)};
  request_.neighbours = {"fault trap"};
  const auto report = test_isolation(request_);
  ASSERT_TRUE(report) << report.error().text();
  const ModeReport& mps = report->modes.at(0);
  ASSERT_EQ(mps.skipped, "");
  EXPECT_EQ(mps.alone.at(0).mps_member, true);
  EXPECT_EQ(mps.cells.at(0).verdict.finding, Finding::kKilled);
  EXPECT_EQ(mps.cells.at(0).verdict.why, "CUDA_ERROR_LAUNCH_FAILED");
}

TEST_F(IsolationRun, LimitsAreReadBackNotBelieved) {
  request_.mps_sm = 16;
  request_.mps_memory_mib = 16384;
  const auto caps = read_back_caps(request_, mode(Sharing::kMpsLimits));
  ASSERT_TRUE(caps) << caps.error().text();
  EXPECT_EQ(caps->sm_asked, 16U);
  EXPECT_EQ(caps->sm_got, 16U);
  EXPECT_EQ(caps->sm_total, 132U);
  EXPECT_EQ(caps->percentage, "12.50") << "12.12 gives 14";
  EXPECT_EQ(caps->memory_asked_mib, 16384U);
  EXPECT_EQ(caps->memory_free_mib, 16360U);
  EXPECT_EQ(caps->refused_beyond, true);
}

TEST_F(IsolationRun, AVictimThatFailsAloneEndsTheTest) {
  write("mig-workload", "#!/bin/sh\necho 'no CUDA driver' >&2; exit 3\n");
  request_.modes = {mode(Sharing::kTimeSlicing)};
  request_.neighbours = {"oom"};
  request_.rounds = 1;
  const auto report = test_isolation(request_);
  // Either of the two runs may be drawn first; each ends the test alone.
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("no CUDA driver"), std::string::npos);
}

TEST_F(IsolationRun, WithoutMpsThatIsSaid) {
  request_.simulated = true;
  request_.modes = {mode(Sharing::kMps)};
  request_.neighbours = {"oom"};
  const auto report = test_isolation(request_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kNotSupported);
}

TEST_F(IsolationRun, AStopEndsItWithWhatIsThere) {
  std::atomic<bool> stop{false};
  request_.stop = &stop;
  request_.modes = {mode(Sharing::kTimeSlicing)};
  request_.neighbours = {"oom"};
  request_.rounds = 50;
  int told = 0;
  request_.tell = [&](const std::string&) { stop = ++told > 2; };
  const auto report = test_isolation(request_);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_TRUE(report->stopped);
  EXPECT_LE(report->modes.at(0).alone.size(), 2U);
}

}  // namespace
}  // namespace mig::service
