// SPDX-License-Identifier: Apache-2.0
#include "launch/containers.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"
#include "holders/container.h"
#include "launch/child.h"
#include "launch/forked.h"
#include "launch/job_processes.h"
#include "launch/worker.h"

namespace mig::launch {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kIdFile = 256;
constexpr std::chrono::seconds kAskPatience{20};
constexpr milliseconds kBetweenEndLooks{20};
constexpr int kLooksAfterKill = 250;

// In a session of its own, without our terminal; its end is nobody's concern.
void start_alone(const std::vector<std::string>& words) {
  const std::vector<std::string> environment = base::environment_with({});
  const std::vector<char*> argv = base::exec_array(words);
  const std::vector<char*> envp = base::exec_array(environment);
  if (::fork() != 0) {
    return;
  }
  ::setsid();
  standard_signals();
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null >= 0 && ::dup2(null, STDIN_FILENO) >= 0 && ::dup2(null, STDOUT_FILENO) >= 0 &&
      ::dup2(null, STDERR_FILENO) >= 0) {
    ::execve(argv[0], argv.data(), envp.data());
  }
  ::_exit(kCommandNotFound);
}

}  // namespace

Result<std::vector<std::string>> Containers::command_for(const Place& place) {
  One one;
  one.cgroup = place.cgroup;
  one.own_file = told_.id_file.empty();
  one.id_file =
      one.own_file
          ? fmt::format(
                "{}/{}.{}.cid", place.folder, place.job == 0 ? ::getpid() : place.job, place.rank)
          : told_.id_file;
  std::vector<std::string> out = {facts_.program, "run"};
  const auto add = [&out](const char* option, std::string value) {
    out.emplace_back(option);
    out.push_back(std::move(value));
  };
  if (facts_.form == DeviceForm::kCdi) {
    MIG_ASSIGN_OR_RETURN(std::string name, device(place.instance, facts_.cdi_folders));
    add("--device", std::move(name));
  } else {
    add("--gpus", fmt::format("\"device={}\"", place.instance.uuid));
  }
  if (one.own_file) {
    ::unlink(one.id_file.c_str());  // engines refuse one that is there
    add("--cidfile", one.id_file);
  }
  if (!place.cgroup.empty()) {
    add("--cgroup-parent", holders::engine_parent(place.cgroup));
  }
  if (told_.name.empty() && !name_.empty()) {
    add("--name", place.count > 1 ? fmt::format("{}-{}", name_, place.rank) : name_);
  }
  std::vector<std::pair<std::string, std::string>> all = labels;
  all.emplace_back("migctl.instance", place.instance.uuid);
  all.emplace_back("migctl.profile", place.instance.profile.str());
  if (place.lease != 0) {
    all.emplace_back("migctl.lease", std::to_string(place.lease));
    all.emplace_back("migctl.tenant", place.tenant);
  }
  if (place.job != 0) {
    all.emplace_back("migctl.job", std::to_string(place.job));
  }
  for (const auto& [key, value] : all) {
    add("--label", fmt::format("{}={}", key, value));
  }
  for (const auto& [key, value] : place.environment) {
    if (key.starts_with("MIGCTL_") && key != kJobMark) {
      add("--env", fmt::format("{}={}", key, value));
    }
  }
  out.insert(out.end(), words_.begin(), words_.end());
  all_.push_back(std::move(one));
  return out;
}

std::string Containers::id_of(const One& one) const {
  const auto text = base::read_file(one.id_file, kIdFile);
  const std::string id = text ? text->substr(0, text->find('\n')) : "";
  return holders::container_id(id);
}

std::vector<std::string> Containers::ids() const {
  std::vector<std::string> out;
  for (const One& one : all_) {
    if (std::string id = id_of(one); !id.empty()) {
      out.push_back(std::move(id));
    }
  }
  return out;
}

void Containers::ask(const std::vector<std::string>& words) const {
  std::vector<std::string> all = {facts_.program};
  all.insert(all.end(), words.begin(), words.end());
  const std::vector<std::string> which = ids();
  if (!which.empty()) {
    all.insert(all.end(), which.begin(), which.end());
    start_alone(all);
  }
}

void Containers::stop(milliseconds grace) const {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(grace).count();
  ask({"stop", "-t", std::to_string(seconds)});
}

void Containers::kill() const {
  ask({"kill"});
}

// Its cgroup tells, else the engine.
bool Containers::goes_on(const One& one) const {
  if (!one.cgroup.empty()) {
    return holders::containers_live(one.cgroup);
  }
  const std::string id = id_of(one);
  if (id.empty()) {
    return false;
  }
  auto asked = Worker::start(
      {{facts_.program, "inspect", "--format", "{{.State.Running}}", id}, {}, {}, {}});
  return asked && asked->wait(kAskPatience) && asked->output().starts_with("true");
}

bool Containers::settle(bool stopped) {
  const auto any = [this] {
    return std::any_of(all_.begin(), all_.end(), [this](const One& one) { return goes_on(one); });
  };
  bool left = any();
  if (left && stopped) {
    std::vector<std::string> words = {facts_.program, "kill"};
    for (const std::string& id : ids()) {
      words.push_back(id);
    }
    if (auto killed = Worker::start({words, {}, {}, {}})) {
      killed->wait(kAskPatience);
    }
    for (int look = 0; look < kLooksAfterKill && (left = any()); ++look) {
      std::this_thread::sleep_for(kBetweenEndLooks);
    }
  }
  for (const One& one : all_) {
    if (one.own_file && !left) {
      ::unlink(one.id_file.c_str());
    }
  }
  return left;
}

}  // namespace mig::launch
