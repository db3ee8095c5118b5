// SPDX-License-Identifier: Apache-2.0
// Calls per second and latency of the simulated libnvidia-ml.so.1 by class of call, with 1, 2, 8
// and 64 processes at once on one machine of eight A100. Simulated latencies are off, so the
// simulator's own cost is measured.
//
//   mig-bench-simulator [--seconds S] [--folder DIR] [--out FILE]
//
// The machine's state and device tree are files in DIR (default /tmp).
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>
#include <stdlib.h>

#include "nvml/session.h"
#include "report.h"
#include "sim/machine/machine.h"
#include "sim/machine/mig.h"
#include "sim/machine/process.h"
#include "sim/tools/create.h"

namespace mig::bench {
namespace {

constexpr unsigned kGpus = 8;
constexpr unsigned kMostProcesses = 64;
constexpr std::size_t kSamples = 1U << 17U;  // per process; later samples are dropped
constexpr unsigned kOneSlice = 19;           // profile id of 1g.5gb

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "mig-bench-simulator: %s\n", why.c_str());
  std::exit(1);
}

// Shared memory of parent and children.
struct Samples {
  std::atomic<std::uint64_t> calls;
  std::atomic<std::uint64_t> refused;
  std::atomic<std::uint32_t> kept;
  std::array<std::uint32_t, kSamples> ns;
};

struct Board {
  std::atomic<unsigned> ready;
  std::atomic<bool> go;
  std::array<Samples, kMostProcesses> of;
};

class Client {
 public:
  Client(unsigned gpu, Samples& samples) : samples_(samples) {
    auto session = nvml::Session::open(MIG_SIM_NVML_LIBRARY);
    if (!session) {
      stop(session.error().text());
    }
    session_ = *std::move(session);
    if (session_->nvml().nvmlDeviceGetHandleByIndex_v2(gpu, &device_) != NVML_SUCCESS) {
      stop("no GPU " + std::to_string(gpu));
    }
  }

  void getters() {
    std::array<char, NVML_DEVICE_UUID_V2_BUFFER_SIZE> text{};
    nvmlMemory_t memory{};
    unsigned current = 0;
    unsigned pending = 0;
    unsigned count = 0;
    const nvml::Functions& f = session_->nvml();
    timed([&] { return f.nvmlDeviceGetUUID(device_, text.data(), text.size()); });
    timed([&] { return f.nvmlDeviceGetMemoryInfo(device_, &memory); });
    timed([&] { return f.nvmlDeviceGetMigMode(device_, &current, &pending); });
    timed([&] { return f.nvmlDeviceGetMaxMigDeviceCount(device_, &count); });
  }

  void create_and_destroy() {
    const nvml::Functions& f = session_->nvml();
    nvmlGpuInstance_t instance = nullptr;
    nvmlComputeInstance_t compute = nullptr;
    if (timed([&] { return f.nvmlDeviceCreateGpuInstance(device_, kOneSlice, &instance); }) !=
        NVML_SUCCESS) {
      return;
    }
    timed([&] { return f.nvmlGpuInstanceCreateComputeInstance(instance, 0, &compute); });
    timed([&] { return f.nvmlComputeInstanceDestroy(compute); });
    timed([&] { return f.nvmlGpuInstanceDestroy(instance); });
  }

  void process_list() {
    std::array<nvmlProcessInfo_t, 32> list{};
    timed([&] {
      auto count = static_cast<unsigned>(list.size());
      return session_->nvml().nvmlDeviceGetComputeRunningProcesses_v3(device_, &count, list.data());
    });
  }

 private:
  template <class Call>
  nvmlReturn_t timed(Call&& call) {
    const std::uint64_t start = now_ns();
    const nvmlReturn_t code = call();
    const std::uint64_t took = now_ns() - start;
    const std::uint32_t kept = samples_.kept.load(std::memory_order_relaxed);
    if (kept < kSamples) {
      samples_.ns[kept] = static_cast<std::uint32_t>(std::min<std::uint64_t>(took, UINT32_MAX));
      samples_.kept.store(kept + 1, std::memory_order_relaxed);
    }
    samples_.calls.fetch_add(1, std::memory_order_relaxed);
    if (code != NVML_SUCCESS) {
      samples_.refused.fetch_add(1, std::memory_order_relaxed);
    }
    return code;
  }

  Samples& samples_;
  std::unique_ptr<nvml::Session> session_;
  nvmlDevice_t device_ = nullptr;
};

struct Class {
  const char* name;
  void (Client::*work)();
};

constexpr Class kClasses[] = {
    {"getters", &Client::getters},
    {"process list", &Client::process_list},
    {"create and destroy", &Client::create_and_destroy},
};

[[noreturn]] void child(Board& board, unsigned index, const Class& which, double seconds) {
  {
    Client client(index % kGpus, board.of[index]);
    board.ready.fetch_add(1);
    while (!board.go.load()) {
      ::usleep(100);
    }
    const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
    while (now_ns() < end) {
      (client.*which.work)();
    }
  }
  std::_Exit(0);
}

Row measure(const Class& which, unsigned processes, double seconds) {
  void* memory =
      ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    stop("no memory");
  }
  auto& board = *static_cast<Board*>(memory);  // all-zero bytes are a valid Board
  std::vector<pid_t> children;
  for (unsigned i = 0; i < processes; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      child(board, i, which, seconds);
    }
    if (pid < 0) {
      stop("no child");
    }
    children.push_back(pid);
  }
  while (board.ready.load() < processes) {
    ::usleep(1000);
  }
  board.go.store(true);
  std::uint64_t calls = 0;
  std::uint64_t refused = 0;
  std::vector<std::uint64_t> ns;
  for (unsigned i = 0; i < processes; ++i) {
    int status = 0;
    if (::waitpid(children[i], &status, 0) != children[i] || status != 0) {
      stop("a child failed");
    }
    calls += board.of[i].calls;
    refused += board.of[i].refused;
    ns.insert(ns.end(), board.of[i].ns.begin(), board.of[i].ns.begin() + board.of[i].kept);
  }
  const Quantiles q = quantiles(ns);
  ::munmap(memory, sizeof(Board));
  const double per_second = static_cast<double>(calls) / seconds;
  std::printf("%-20s %3u %12.0f %9.2f %9.2f %10.1f %9llu\n",
              which.name,
              processes,
              per_second,
              q.p50_us,
              q.p99_us,
              q.max_us,
              static_cast<unsigned long long>(refused));
  return {{{"calls", which.name}},
          {{"processes", processes},
           {"calls_per_second", per_second},
           {"p50_us", q.p50_us},
           {"p99_us", q.p99_us},
           {"max_us", q.max_us},
           {"refused_share",
            calls == 0 ? 0 : static_cast<double>(refused) / static_cast<double>(calls)},
           {"samples", static_cast<double>(q.count)}}};
}

// MIG on for all GPUs, and on each one an instance with a context of this process: so lists are not
// empty.
void set_up(const std::string& dir) {
  migsim::Status status;
  const auto machine = migsim::Machine::open(dir, status);
  if (!machine) {
    stop(status.error);
  }
  migsim::Machine::Change change(*machine);
  for (unsigned i = 0; i < kGpus; ++i) {
    const migsim::GpuRef gpu{machine->hardware(), *change, i};
    int activation = 0;
    std::uint32_t gi = 0;
    std::uint32_t ci = 0;
    std::uint32_t slot = 0;
    const migsim::GiProfile& profile = *migsim::find_gi_profile_by_id(gpu.board(), kOneSlice);
    if (migsim::set_mig_mode(gpu, 1, activation) != 0 ||
        migsim::create_gi(gpu, profile, {}, gi) != 0 ||
        migsim::create_ci(gpu, gi, profile.ci_profiles[0], {}, ci) != 0 ||
        migsim::attach_process(machine->hardware(),
                               *change,
                               {i, gi, ci},
                               migsim::this_process(),
                               migsim::now_ns(),
                               slot) != migsim::Attach::kOk) {
      stop("cannot set the machine up");
    }
  }
  change.commit();
}

int run(double seconds, const std::string& folder, const std::string& out) {
  std::string root = folder + "/migctl-bench-XXXXXX";
  if (::mkdtemp(root.data()) == nullptr) {
    stop("no folder");
  }
  ::setenv("MIGSIM_ROOT", root.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): no thread yet
  migsim::MachineSpec spec;
  spec.name = "bench";
  spec.gpus = std::to_string(kGpus) + "x a100-sxm4-40gb";
  spec.latency = "none";
  std::string dir;
  if (const migsim::Problem problem = migsim::create_machine(spec, dir); !problem.ok()) {
    stop(problem.message);
  }
  ::setenv("MIGSIM_MACHINE", dir.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): no thread yet
  set_up(dir);
  std::printf("%-20s %3s %12s %9s %9s %10s %9s\n",
              "calls",
              "n",
              "calls/s",
              "p50 us",
              "p99 us",
              "max us",
              "refused");
  std::vector<Row> rows;
  for (const Class& which : kClasses) {
    for (const unsigned processes : {1U, 2U, 8U, 64U}) {
      rows.push_back(measure(which, processes, seconds));
    }
  }
  std::error_code ignored;
  std::filesystem::remove_all(root, ignored);
  if (out.empty()) {
    return 0;
  }
  const std::string wrong = write_report(
      out,
      "simulator_calls",
      {{"simulated_machine", spec.gpus + ", latency none, one process attached per GPU"},
       {"folder", folder},
       {"seconds_each", fmt::format("{}", seconds)},
       {"create and destroy",
        "1g.5gb and its compute instance, made and destroyed, device tree "
        "included; refused when a GPU is full"}},
      rows);
  if (!wrong.empty()) {
    stop(wrong);
  }
  return 0;
}

}  // namespace
}  // namespace mig::bench

int main(int argc, char** argv) {
  double seconds = 3;
  std::string folder = "/tmp";
  std::string out;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--seconds") {
      seconds = std::strtod(argv[i + 1], nullptr);
    } else if (name == "--folder") {
      folder = argv[i + 1];
    } else if (name == "--out") {
      out = argv[i + 1];
    }
  }
  return mig::bench::run(seconds, folder, out);
}
