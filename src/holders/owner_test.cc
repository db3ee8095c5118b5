// SPDX-License-Identifier: Apache-2.0
// Whose a process is: by its cgroup, and by the user who started it.
#include "holders/owner.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "holders/process_facts.h"

namespace mig::holders {
namespace {

TEST(OwnerTest, ReadsTheFieldsFormats) {
  const std::string id(64, 'a');
  const Owner container = parse_cgroup("0::/system.slice/docker-" + id + ".scope");
  EXPECT_EQ(container.container, id);
  EXPECT_EQ(container.str(), "docker aaaaaaaaaaaa");
  EXPECT_EQ(parse_cgroup("12:devices:/docker/" + id).str(), "docker aaaaaaaaaaaa");
  const Owner pod = parse_cgroup(
      "0::/kubepods.slice/kubepods-burstable.slice/"
      "kubepods-burstable-pod1b2c3d4e_0000_1111_2222_333344445555.slice/cri-containerd-" +
      id + ".scope");
  EXPECT_EQ(pod.pod, "1b2c3d4e-0000-1111-2222-333344445555");
  EXPECT_EQ(pod.container, id);
  EXPECT_EQ(pod.container_runtime, "containerd");
  EXPECT_EQ(parse_cgroup("0::/machine.slice/libpod-" + id + ".scope/container").str(),
            "podman aaaaaaaaaaaa");
  const Owner job = parse_cgroup("0::/system.slice/slurmstepd.scope/job_17/step_0/user/task_0");
  EXPECT_EQ(job.slurm_job, "17");
  EXPECT_EQ(job.str(), "Slurm job 17");
  EXPECT_EQ(parse_cgroup("0::/system.slice/jupyter.service").unit, "jupyter.service");
  EXPECT_EQ(parse_cgroup("0::/user.slice/user-1000.slice/user@1000.service/app.slice").unit, "");
  EXPECT_EQ(parse_cgroup("garbage\n\n::").str(), "");
}

// As a setuid program of root's that a user started under a name of the user's choice.
TEST(ProcessFacts, TheUidIsOfWhoStartedTheProcess) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to become another user";
  }
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool done = ::setresuid(4001, 0, 0) == 0;
    static_cast<void>(::write(ready[1], done ? "y" : "n", 1) == 1);
    ::pause();
    ::_exit(0);
  }
  char done = 0;
  ASSERT_EQ(::read(ready[0], &done, 1), 1);
  ASSERT_EQ(done, 'y');
  const ProcessFacts facts = read_process("/proc", static_cast<std::uint32_t>(child));
  EXPECT_EQ(facts.uid, 4001U);
  EXPECT_FALSE(facts.roots);
  EXPECT_TRUE(read_process("/proc", 1).roots);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace mig::holders
