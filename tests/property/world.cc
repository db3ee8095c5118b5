// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <signal.h>

#include "model/testing/test_boards.h"
#include "sim/machine/mig.h"
#include "sim/tools/create.h"

namespace mig::property {
namespace {

using migsim::Machine;

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "random machine: %s\n", why.c_str());
  std::abort();
}

GiShot shot_of(const migsim::Board& board, const migsim::GiState& gi, std::uint32_t id) {
  const migsim::GiProfile& profile = board.gi_profiles[gi.profile_index];
  GiShot out{id, profile.id, gi.placement.start, gi.placement.size, gi.serial, {}};
  for (std::uint32_t c = 0; c < migsim::kMaxCis; ++c) {
    const migsim::CiState& ci = gi.cis[c];
    if (ci.used != 0) {
      out.computes.push_back({c,
                              profile.ci_profiles[ci.profile_index].profile,
                              ci.placement.start,
                              ci.placement.size,
                              ci.serial});
    }
  }
  return out;
}

GpuShot shot_of(const migsim::Board& board, const migsim::GpuState& gpu) {
  GpuShot out{gpu.mig_current != 0, gpu.mig_pending != 0, gpu.lost != 0, {}};
  for (std::uint32_t g = 0; g < migsim::kMaxGis; ++g) {
    if (gpu.gis[g].used != 0) {
      out.instances.push_back(shot_of(board, gpu.gis[g], g));
    }
  }
  return out;
}

migsim::MachineSpec random_spec(Random& random, std::vector<std::string>& keys) {
  const std::vector<std::string> all = testing::board_keys();
  migsim::MachineSpec spec;
  spec.name = "walk";
  spec.latency = "none";
  spec.swap = random.chance(30) ? "all" : "";
  spec.fresh_uuids = random.chance(20);
  spec.vm = random.chance(15);
  spec.disable_destroys_idle = random.chance(20);
  spec.seed = random.below(1U << 30);
  for (std::size_t gpus = 1 + random.below(3); gpus-- > 0;) {
    keys.push_back(random.of(all));
    // File names have "_" where board names have "-".
    std::string key = keys.back();
    std::replace(key.begin(), key.end(), '_', '-');
    spec.gpus += (spec.gpus.empty() ? "" : ", ") + key;
  }
  return spec;
}

}  // namespace

const GiShot* GpuShot::find(std::uint32_t id) const {
  const auto it = std::find_if(
      instances.begin(), instances.end(), [&](const GiShot& one) { return one.id == id; });
  return it == instances.end() ? nullptr : &*it;
}

bool Shot::runs_on(std::uint32_t gpu, std::uint32_t gi, std::uint32_t ci) const {
  return std::any_of(processes.begin(), processes.end(), [&](const ProcessShot& process) {
    return process.gpu == gpu && (gi == migsim::kNone || process.gi == gi) &&
           (ci == migsim::kNone || process.ci == ci);
  });
}

std::string layout_text(const Shot& shot) {
  std::string out;
  for (const GpuShot& gpu : shot.gpus) {
    out += fmt::format("MIG {}/{}:", gpu.current ? "on" : "off", gpu.pending ? "on" : "off");
    for (const GiShot& gi : gpu.instances) {
      out += fmt::format(" {}@{}:{}[", gi.profile_id, gi.start, gi.size);
      std::vector<std::string> inside;
      for (const CiShot& ci : gi.computes) {
        inside.push_back(fmt::format(" {}@{}:{}", ci.profile, ci.start, ci.size));
      }
      std::sort(inside.begin(), inside.end());
      for (const std::string& one : inside) {
        out += one;
      }
      out += "]";
    }
    out += "\n";
  }
  return out;
}

World::Child World::spawn() {
  int ends[2];
  if (::pipe(ends) != 0) {
    stop("no pipe");
  }
  Child child;
  child.pid = ::fork();
  if (child.pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const migsim::ProcessIdentity self = migsim::this_process();
    if (::write(ends[1], &self, sizeof(self)) != sizeof(self)) {
      ::_exit(1);
    }
    for (;;) {
      ::pause();
    }
  }
  ::close(ends[1]);
  if (child.pid < 0 || ::read(ends[0], &child.who, sizeof(child.who)) != sizeof(child.who)) {
    stop("no child");
  }
  ::close(ends[0]);
  return child;
}

World::World(const std::string& root, Random& random) {
  std::vector<std::string> keys;
  const migsim::MachineSpec spec = random_spec(random, keys);
  ::setenv("MIGSIM_ROOT", root.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): before any thread
  if (const migsim::Problem problem = migsim::create_machine(spec, dir_); !problem.ok()) {
    stop(problem.message);
  }
  for (const std::string& key : keys) {
    brute_.push_back(&brute_for(key));
  }
  migsim::Status status;
  machine_ = Machine::open(dir_, status);
  if (!machine_) {
    stop(status.error);
  }
  auto opened = node::Node::open({"", dir_, MIG_SIM_LIBRARY_DIR});
  if (!opened) {
    stop(opened.error().text());
  }
  node_ = *std::move(opened);
  auto session = nvml::Session::open(MIG_SIM_LIBRARY_DIR "/libnvidia-ml.so.1");
  if (!session) {
    stop(session.error().text());
  }
  session_ = *std::move(session);
  for (int i = 0; i < 6; ++i) {
    children_.push_back(spawn());
  }
}

World::~World() {
  for (const Child& child : children_) {
    ::kill(child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
  }
  session_.reset();
  node_.reset();
  machine_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
}

Shot World::look() const {
  const Machine::View view(*machine_);
  Shot out;
  const migsim::Hardware& hardware = machine_->hardware();
  for (std::uint32_t i = 0; i < hardware.gpu_count; ++i) {
    out.gpus.push_back(shot_of(hardware.boards[view->gpus[i].board], view->gpus[i]));
  }
  for (std::uint32_t i = 0; i < view->process_top; ++i) {
    const migsim::ProcessState& process = view->processes[i];
    if (process.used != 0) {
      out.processes.push_back(
          {process.pid, process.gpu, process.gi, process.ci, process.serial, i});
    }
  }
  out.broken = migsim::broken_invariant(hardware, *view);
  return out;
}

bool World::attach(Random& random, migsim::Instance at) {
  Machine::Change change(*machine_);
  std::uint32_t slot = 0;
  if (migsim::attach_process(
          machine_->hardware(), *change, at, random.of(children_).who, migsim::now_ns(), slot) !=
      migsim::Attach::kOk) {
    return false;
  }
  change.commit();
  return true;
}

void World::detach(std::uint32_t slot) {
  Machine::Change change(*machine_);
  migsim::remove_process(*change, slot);
  change.commit();
}

bool World::allocate(std::uint32_t slot, std::uint64_t bytes) {
  Machine::Change change(*machine_);
  if (!migsim::allocate(machine_->hardware(), *change, slot, bytes)) {
    return false;
  }
  change.commit();
  return true;
}

std::int32_t World::kill_one(Random& random) {
  Child& child = children_[random.below(children_.size())];
  const pid_t pid = child.pid;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  child = spawn();
  return pid;
}

void World::inject(const migsim::Fault& fault) {
  Machine::Change change(*machine_);
  for (migsim::Fault& entry : change->faults) {
    if (entry.used == 0) {
      entry = fault;
      faults_ = true;
      break;
    }
  }
  change.commit();
}

void World::clear_faults() {
  Machine::Change change(*machine_);
  std::fill(std::begin(change->faults), std::end(change->faults), migsim::Fault{});
  change.commit();
  faults_ = false;
}

void World::lose(std::uint32_t gpu) {
  Machine::Change change(*machine_);
  change->gpus[gpu].lost = 1;
  ++change->generation;
  change.commit();
}

void World::reboot() {
  Machine::Change change(*machine_);
  migsim::reboot(machine_->hardware(), *change);
  change.commit();
}

}  // namespace mig::property
