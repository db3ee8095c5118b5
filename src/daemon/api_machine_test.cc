// SPDX-License-Identifier: Apache-2.0
// Readings of a simulated machine, without a socket: who is answered, when the driver stays open,
// and that an answer is what a reading of one's own is at that moment.
#include "daemon/api_machine.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file_lock.h"
#include "base/proc_root.h"
#include "daemon/api.h"
#include "node/test_machine.h"

namespace mig::daemon {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

constexpr const char* kVersion = "1.2.3";

class MachineApiTest : public node::MachineTest {
 protected:
  void open_api(std::chrono::milliseconds keep_open = 10s) {
    api_ = std::make_unique<MachineApi>(
        *node_, wire::Source{true, "lab"}, MachineApi::Settings{kVersion, keep_open}, clock_);
    router_ = std::make_unique<http::Router>(error_writer({true, "lab"}), "");
    api_->add_to(*router_);
    reader_ = open();
    reader_->rest();
  }

  void TearDown() override {
    router_.reset();
    api_.reset();
    reader_.reset();
    MachineTest::TearDown();
  }

  wire::ReadingRequest usual() const {
    return {kVersion, node_->machine_dir(), base::proc_root(), wire::MachinePart::kAll, {}};
  }

  http::Response ask(const std::string& path,
                     const wire::ReadingRequest& request,
                     std::uint32_t uid = ::geteuid(),
                     std::uint32_t pid = static_cast<std::uint32_t>(::getpid())) {
    http::Response answer;
    answer.status = 0;
    http::Request asked;
    asked.peer = {uid, uid, pid};
    asked.method = "POST";
    asked.path = path;
    asked.body = wire::reading_request_document(request);
    router_->handle(asked, [&](http::Response given) { answer = std::move(given); });
    return answer;
  }

  int status(const wire::ReadingRequest& request) { return ask("/v1/machine", request).status; }

  // The answer is the document of a reading that another session takes now.
  void expect_fresh(const std::string& when) {
    const http::Response answer = ask("/v1/machine", usual());
    ASSERT_EQ(answer.status, 200) << when << ": " << answer.body;
    const auto now = reader_->inventory();
    ASSERT_TRUE(now) << now.error().text();
    EXPECT_EQ(answer.body, wire::machine_document(*now, wire::MachinePart::kAll)) << when;
    reader_->rest();
  }

  base::ManualClock clock_;
  std::unique_ptr<MachineApi> api_;
  std::unique_ptr<http::Router> router_;
  std::unique_ptr<node::Node> reader_;  // another program's
};

TEST_F(MachineApiTest, AnAnswerIsAsNewAsAReadingOfOnesOwn) {
  make("2x a100-sxm4-40gb");
  open_api();
  expect_fresh("fresh");
  expect_fresh("again");
  static_cast<void>(migctl({"smi", "-mig", "1", "-i", "0"}));
  expect_fresh("a mode that waits for a reset, while the daemon has the GPU open");
  const auto pending = wire::parse_machine(ask("/v1/machine", usual()).body);
  ASSERT_TRUE(pending) << pending.error().text();
  EXPECT_EQ(pending->gpus[0].mig_pending, MigMode::kEnabled);
  node_->rest();
  ASSERT_EQ(migctl({"mode", "enable", "-i", "0"}), 0);
  expect_fresh("MIG on");
  ASSERT_EQ(migctl({"smi", "mig", "-cgi", "9", "-i", "0"}), 0);
  expect_fresh("a GPU instance without MIG device");
  ASSERT_EQ(migctl({"smi", "mig", "-dgi", "-i", "0"}), 0);
  expect_fresh("and gone");
  ASSERT_EQ(migctl({"smi", "mig", "-cgi", "14:0", "-i", "0"}), 0);
  expect_fresh("at one place");
  ASSERT_EQ(migctl({"smi", "mig", "-dgi", "-i", "0"}), 0);
  ASSERT_EQ(migctl({"smi", "mig", "-cgi", "14:2", "-i", "0"}), 0);
  expect_fresh("the same at another place, between two readings");
  ASSERT_EQ(migctl({"smi", "mig", "-cci", "0", "-i", "0"}), 0);
  expect_fresh("with a compute instance of one slice");
  ASSERT_EQ(migctl({"smi", "mig", "-dci", "-i", "0"}), 0);
  ASSERT_EQ(migctl({"smi", "mig", "-cci", "1", "-i", "0"}), 0);
  expect_fresh("of two slices, in its place");
}

TEST_F(MachineApiTest, ProcessesAreThoseOfNow) {
  make("1x a100-sxm4-40gb");
  enable_mig();
  create(0, {"1g.5gb"});
  open_api();
  expect_fresh("nobody");
  const pid_t work = start(MIG_BIN_DIR "/mig-workload", {"train", "--seconds", "600"});
  bool seen = false;
  for (int i = 0; i < 3000 && !seen; ++i) {
    const auto now = wire::parse_machine(ask("/v1/machine", usual()).body);
    ASSERT_TRUE(now) << now.error().text();
    seen = !now->gpus[0].processes.empty();
    ::usleep(20'000);
  }
  EXPECT_TRUE(seen);
  ::kill(work, SIGKILL);
  wait(work);
  expect_fresh("it has ended");
}

TEST_F(MachineApiTest, AGpuThatIsLostIsLostInTheNextAnswer) {
  make("2x a100-sxm4-40gb");
  open_api();
  expect_fresh("both");
  inject({"--lost", "--gpu", "1"});
  expect_fresh("one");
  const auto now = wire::parse_machine(ask("/v1/machine", usual()).body);
  ASSERT_TRUE(now);
  EXPECT_EQ(now->lost.size(), 1U);
}

TEST_F(MachineApiTest, WhoMeansSomethingElseIsNotAnswered) {
  make("1x a100-sxm4-40gb");
  open_api();
  EXPECT_EQ(status(usual()), 200);
  wire::ReadingRequest other = usual();
  other.version = "1.2.4";
  EXPECT_EQ(status(other), 409);
  other = usual();
  other.machine = "";
  EXPECT_EQ(status(other), 409) << "the real one";
  other = usual();
  other.proc_root = "/elsewhere";
  EXPECT_EQ(status(other), 409);
  EXPECT_EQ(ask("/v1/machine", usual(), ::geteuid(), 0).status, 409) << "of another PID namespace";
  EXPECT_EQ(ask("/v1/machine", usual(), ::geteuid() + 1).status, 403);
  EXPECT_EQ(ask("/v1/smi", usual(), ::geteuid() + 1).status, 403);
}

TEST_F(MachineApiTest, TheDialectOnlyLists) {
  make("1x a100-sxm4-40gb");
  open_api();
  wire::ReadingRequest request = usual();
  request.arguments = {"-L"};
  const http::Response list = ask("/v1/smi", request);
  ASSERT_EQ(list.status, 200) << list.body;
  const auto answer = wire::parse_smi_answer(list.body);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->exit_code, 0);
  EXPECT_NE(answer->out.find("GPU 0: "), std::string::npos);
  request.arguments = {"-mig", "1"};
  EXPECT_NE(ask("/v1/smi", request).status, 200);
  EXPECT_EQ(inventory().gpus[0].mig_current, MigMode::kDisabled);
}

TEST_F(MachineApiTest, TheDriverStaysOpenForAWhileOnly) {
  make("1x a100-sxm4-40gb");
  open_api(10s);
  node_->rest();
  const auto held = [&] { return migctl({"smi", "-r", "-i", "0"}) != 0; };
  EXPECT_FALSE(held());
  ASSERT_EQ(status(usual()), 200);
  api_->rest_when_idle();
  EXPECT_TRUE(held());
  clock_.advance(9s);
  ASSERT_EQ(status(usual()), 200);
  clock_.advance(9s);
  api_->rest_when_idle();
  EXPECT_TRUE(held()) << "counts from the last reading";
  clock_.advance(1s);
  api_->rest_when_idle();
  EXPECT_FALSE(held());
}

TEST_F(MachineApiTest, WithoutKeepingItOpenThereAreNoReadings) {
  make("1x a100-sxm4-40gb");
  open_api(0s);
  EXPECT_NE(status(usual()), 200);
}

TEST_F(MachineApiTest, WhoNeedsTheGpusGetsThem) {
  make("1x a100-sxm4-40gb");
  open_api();
  ASSERT_EQ(status(usual()), 200);
  EXPECT_EQ(ask("/v1/rest", usual(), ::geteuid() + 1).status, 403);
  EXPECT_EQ(status(usual()), 200);
  const pid_t asker = ::fork();
  if (asker == 0) {
    ::pause();
    ::_exit(0);
  }
  EXPECT_EQ(ask("/v1/rest", usual(), 0, static_cast<std::uint32_t>(asker)).status, 200);
  EXPECT_EQ(status(usual()), 409) << "not opened again while it lives";
  ::kill(asker, SIGKILL);
  ::waitpid(asker, nullptr, 0);
  EXPECT_EQ(status(usual()), 200);
  const std::string lock = node_->places().writer_lock().value();
  const auto writer = base::FileLock::acquire(lock, 0ms, base::system_clock(), "apply");
  ASSERT_TRUE(writer) << writer.error().text();
  EXPECT_EQ(status(usual()), 409) << "while a change is under way";
}

}  // namespace
}  // namespace mig::daemon
