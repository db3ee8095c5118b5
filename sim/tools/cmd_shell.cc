// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/cmd_shell.h"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include "sim/tools/commands.h"
#include "sim/tools/machines.h"
#include "sim/tools/mounter.h"
#include "sim/tools/shell_programs.h"
#include "sim/tools/shell_scripts.h"
#include "sim/tree/tree.h"

namespace migsim {

namespace {

// bash runs ~/.bashrc, which sets a prompt of its own, so the shell's prompt is prefixed
// afterwards.
std::string bash_start(const std::string& name, const std::string& bin) {
  return "[ -f ~/.bashrc ] && . ~/.bashrc\nPATH=" + shell_quoted(bin) +
         ":$PATH\nPS1=" + shell_quoted("(sim:" + name + ") ") + "\"$PS1\"\n";
}

std::string environment(const char* name) {
  const char* value = getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr ? std::string() : value;
}

void set(const char* name, const std::string& value) {
  setenv(name, value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): one thread
}

void prepend(const char* name, const std::string& value, const std::string& fallback) {
  const std::string old = environment(name);
  const std::string& rest = old.empty() ? fallback : old;
  set(name, rest.empty() ? value : value + ":" + rest);
}

// Makes the programs of the machine, in a folder at the front of PATH.
Problem make_programs(const std::string& name, const std::string& scratch, const SimPaths& paths) {
  const std::string bin = scratch + "/bin";
  Mounter files;
  files.folder(bin);
  files.link(bin + "/migctl", paths.migctl);
  files.file(scratch + "/" + kSudoFile, kSudo, 0755);
  files.file(scratch + "/" + kSuFile, kSu, 0755);
  files.file(bin + "/systemctl", kSystemctl, 0755);
  files.file(scratch + "/bashrc", bash_start(name, bin), 0644);
  return files.problem();
}

// Installs nvidia-smi and the library, and prints what could not be installed; nvidia-smi is then
// found in PATH only.
Problem show_programs(const Installed& installed) {
  for (const std::string& missing : install_driver(installed)) {
    std::fprintf(stderr, "migctl sim shell: %s\n", missing.c_str());
  }
  Mounter files;
  if (access("/usr/bin/nvidia-smi", X_OK) != 0) {
    files.link(installed.scratch + "/bin/nvidia-smi", installed.migctl);
  }
  return files.problem();
}

// Absolute path, valid after the shell changes its folder.
std::string absolute(const std::string& path) {
  std::error_code error;
  const auto canonical = std::filesystem::canonical(path, error);
  return error ? path : canonical.string();
}

std::vector<std::string> shell_command(const std::string& scratch) {
  std::string shell = environment("SHELL");
  if (shell.empty() || access(shell.c_str(), X_OK) != 0) {
    shell = "/bin/sh";
  }
  // A script on standard input gets neither prompt nor job control.
  if (std::filesystem::path(shell).filename() == "bash" && isatty(STDIN_FILENO) != 0) {
    return {shell, "--rcfile", scratch + "/bashrc", "-i"};
  }
  return {shell};
}

Problem execute(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (const std::string& word : command) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  const int code = errno;
  return {
      code == ENOENT ? Exit::kNotFound : Exit::kPermission,
      "cannot run " + command[0] + ": " + std::error_code(code, std::generic_category()).message(),
      ""};
}

}  // namespace

Problem cmd_shell(const std::string& name,
                  const std::vector<std::string>& command,
                  Nodes nodes,
                  bool as_user,
                  const SimPaths& paths) {
  std::string dir;
  {
    std::unique_ptr<Machine> machine;
    if (Problem problem = open_machine(name, machine); !problem.ok()) {
      return problem;
    }
    dir = absolute(machine->dir());
    // Shared machine of another user: its owner keeps the tree in step.
    if (const Status status = sync_tree(*machine);
        !status.ok() && access((dir + "/tree/.version").c_str(), R_OK) != 0) {
      return {Exit::kIo, status.error, ""};
    }
  }
  const SimPaths real{absolute(paths.library_dir), absolute(paths.migctl)};
  const std::string root = absolute(Machine::default_root());
  if (Problem problem = enter_machine(dir, real.library_dir + "/libnvidia-ml.so.1", nodes);
      !problem.ok()) {
    return problem;
  }
  const std::string scratch = shell_scratch(dir);
  if (Problem problem = make_programs(name, scratch, real); !problem.ok()) {
    return problem;
  }
  const Installed installed{
      real.migctl, real.library_dir + "/libnvidia-ml.so.1", dir + "/tree", scratch};
  if (Problem problem = show_programs(installed); !problem.ok()) {
    return problem;
  }
  set("MIGSIM_MACHINE", dir);
  set("MIGSIM_ROOT", root);
  if (as_user) {
    set("MIGSIM_AS_USER", "1");
  }
  prepend("LD_LIBRARY_PATH", real.library_dir, "");
  prepend("PATH", scratch + "/bin", "/usr/local/bin:/usr/bin:/bin");
  set("PS1", "(sim:" + name + ") $ ");
  return execute(command.empty() ? shell_command(scratch) : command);
}

}  // namespace migsim
