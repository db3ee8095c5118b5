// SPDX-License-Identifier: Apache-2.0
// Tests of a program's view inside `sim shell`. Each test runs the command in a child process, as
// entering a mount namespace cannot be undone.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>

#include "sim/machine/machine.h"
#include "sim/tools/cmd_shell.h"
#include "sim/tools/create.h"

namespace fs = std::filesystem;

namespace migsim {
namespace {

struct Ran {
  int code = -1;
  std::string text;
};

class Shell : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/migsim-shell-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    root = folder;
    setenv("MIGSIM_ROOT", folder, 1);
    MachineSpec spec;
    spec.name = "lab";
    spec.gpus = "2x a100-sxm4-40gb";
    std::string dir;
    const Problem problem = create_machine(spec, dir);
    ASSERT_TRUE(problem.ok()) << problem.message;
    if (run({"true"}).code == static_cast<int>(Exit::kPermission)) {
      GTEST_SKIP() << "this host allows no mount namespace";
    }
  }

  void TearDown() override { fs::remove_all(root); }

  static Ran run(const std::vector<std::string>& command, Nodes nodes = Nodes::kFiles) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      const Problem problem = cmd_shell("lab", command, nodes, false, {"/tmp", "/bin/true"});
      std::fprintf(stderr, "%s\n", problem.message.c_str());
      _exit(static_cast<int>(problem.code));
    }
    close(ends[1]);
    Ran ran;
    char part[4096];
    for (ssize_t n = 0; (n = ::read(ends[0], part, sizeof part)) > 0;) {
      ran.text.append(part, static_cast<std::size_t>(n));
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ran;
  }

  fs::path root;
};

TEST_F(Shell, PassesTheExitCodeOn) {
  EXPECT_EQ(run({"sh", "-c", "exit 7"}).code, 7);
  EXPECT_EQ(run({"no-such-program"}).code, static_cast<int>(Exit::kNotFound));
}

TEST_F(Shell, WordsStayWords) {
  EXPECT_EQ(run({"printf", "%s|", "a b", "$HOME", "'"}).text, "a b|$HOME|'|");
}

TEST_F(Shell, ShowsTheMachine) {
  EXPECT_EQ(run({"sh", "-c", "cd /sys/bus/pci/devices && echo *"}).text,
            "0000:10:00.0 0000:18:00.0\n");
  EXPECT_EQ(run({"sh", "-c", "cd /dev && echo nvidia*"}).text,
            "nvidia-caps nvidia-uvm nvidia-uvm-tools nvidia0 nvidia1 nvidiactl\n");
  EXPECT_EQ(run({"grep", "-c", "^nvidia ", "/proc/modules"}).text, "1\n");
  EXPECT_EQ(run({"grep", "-c", "nvidia-caps", "/proc/devices"}).text, "1\n");
  EXPECT_EQ(run({"head", "-n1", "/proc/driver/nvidia-caps/mig-minors"}).text, "config 1\n");
  EXPECT_EQ(run({"readlink", "-f", "/sys/bus/pci/devices/0000:10:00.0/driver"}).text,
            "/sys/bus/pci/drivers/nvidia\n");
}

TEST_F(Shell, TheRestOfTheHostIsThere) {
  EXPECT_EQ(run({"sh",
                 "-c",
                 "echo x > /dev/null && test -c /dev/null && test -r /proc/self/stat && "
                 "test -r /proc/meminfo && echo fine"})
                .text,
            "fine\n");
}

TEST_F(Shell, CharacterDevicesHaveTheNumbersAndOpenForNobody) {
  if (geteuid() != 0) {
    EXPECT_EQ(run({"true"}, Nodes::kCharacterDevices).code, static_cast<int>(Exit::kPermission));
    GTEST_SKIP() << "device nodes need root";
  }
  const Ran listed =
      run({"sh",
           "-c",
           "cd /dev && stat -c '%F %n %Hr:%Lr %a' nvidia1 nvidiactl nvidia-uvm-tools "
           "nvidia-caps/nvidia-cap1"},
          Nodes::kCharacterDevices);
  EXPECT_EQ(listed.text,
            "character special file nvidia1 195:1 666\n"
            "character special file nvidiactl 195:255 666\n"
            "character special file nvidia-uvm-tools 238:1 666\n"
            "character special file nvidia-caps/nvidia-cap1 241:1 400\n");
  // nodev applies to nodes of existing devices too.
  EXPECT_EQ(
      run({"sh",
           "-c",
           "mknod /dev/twin c 1 3 && { (: < /dev/twin) 2>/dev/null || echo refused; } && "
           "{ (: < /dev/nvidia0) 2>/dev/null || echo refused; } && : < /dev/null && echo fine"},
          Nodes::kCharacterDevices)
          .text,
      "refused\nrefused\nfine\n");
}

TEST_F(Shell, ProgramsGetTerminals) {
  if (geteuid() != 0 || access("/dev/pts/ptmx", R_OK | W_OK) != 0) {
    GTEST_SKIP() << "no terminals to be had on this host either";
  }
  EXPECT_EQ(run({"sh", "-c", "exec 3<>/dev/ptmx && echo fine"}).text, "fine\n");
}

TEST_F(Shell, ProgramsComeFirst) {
  EXPECT_EQ(run({"sh", "-c", "command -v nvidia-smi; command -v migctl"}).text,
            "/usr/bin/nvidia-smi\n" + (root / "lab/shell/bin/migctl\n").string());
  EXPECT_EQ(run({"sh", "-c", "sudo -E X=1 sh -c 'echo $X $(id -u)'"}).text, "1 0\n");
  EXPECT_EQ(run({"sh", "-c", "echo $MIGSIM_MACHINE"}).text,
            (fs::canonical(root) / "lab").string() + "\n");
}

// cmd_shell() gets /bin/true for migctl here; tests/e2e/cases/shell.test covers the real one.
TEST_F(Shell, NvidiaSmiStandsWhereItIsInstalled) {
  const std::string same =
      "test -x /usr/bin/nvidia-smi && test ! -L /usr/bin/nvidia-smi && "
      "cmp -s /usr/bin/nvidia-smi /bin/true && echo same";
  EXPECT_EQ(run({"sh", "-c", same}).text, "same\n");
  EXPECT_EQ(run({"env", "-i", "/bin/sh", "-c", same}).text, "same\n");
  EXPECT_EQ(run({"sh", "-c", "test -x /usr/bin/env && test -x /usr/bin/sudo && echo rest"}).text,
            "rest\n");
}

TEST_F(Shell, AProcessWithoutVariablesKnowsItsMachine) {
  EXPECT_EQ(run({"env", "-i", "/bin/cat", kMachinePointer}).text,
            (fs::canonical(root) / "lab").string() + "\n");
  EXPECT_FALSE(fs::exists(kMachinePointer));
}

TEST_F(Shell, TheDriversModulesAndTheHostsDevicesAreThere) {
  EXPECT_EQ(run({"sh", "-c", "cd /sys/module && cat nvidia/version && echo nvidia*"}).text,
            "580.159.04\nnvidia nvidia_uvm\n");
  EXPECT_EQ(run({"sh", "-c", "readlink -f /sys/bus/pci/devices/0000:18:00.0"}).text,
            "/sys/devices/pci0000:18/0000:18:00.0\n");
  EXPECT_EQ(run({"sh", "-c", "test -d /sys/devices/system/cpu/cpu0 && echo rest"}).text, "rest\n");
}

TEST_F(Shell, SudoKnowsRootAndSaysWhatItDoesNotKnow) {
  EXPECT_EQ(run({"sh", "-c", "sudo -n -u root sh -c 'id -u'; sudo -uroot id -u"}).text, "0\n0\n");
  EXPECT_EQ(run({"sh", "-c", "sudo --user=no-such-user true 2>/dev/null; echo $?"}).text, "1\n");
  EXPECT_EQ(run({"sh", "-c", "sudo -z true 2>&1"}).text,
            "sudo (simulated machine): option -z has no meaning here\n");
  EXPECT_EQ(run({"sh", "-c", "sudo -s printf '%s|' 'a b' '$HOME'"}).text, "a b|$HOME|");
}

TEST_F(Shell, LeavesNoTraceOutside) {
  const bool had = fs::exists("/usr/bin/nvidia-smi");
  run({"sh", "-c", "touch /dev/made-inside /sys/module/made-inside"});
  EXPECT_FALSE(fs::exists("/dev/made-inside"));
  EXPECT_FALSE(fs::exists("/sys/module/made-inside"));
  EXPECT_EQ(fs::exists("/usr/bin/nvidia-smi"), had);
  EXPECT_TRUE(fs::is_empty(root / "lab/shell"));
}

}  // namespace
}  // namespace migsim
