// SPDX-License-Identifier: Apache-2.0
#include "launch/mps.h"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>

#include "base/fd.h"
#include "base/find_program.h"
#include "base/strings.h"
#include "launch/worker.h"

namespace mig::launch {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kStartTakes{10000};
constexpr milliseconds kControlTakes{20000};
constexpr milliseconds kEndTakes{10000};
constexpr std::uint64_t kMostPid = 1ULL << 22;

std::vector<int> pids_of(const std::string& text) {
  std::vector<int> pids;
  for (const std::string& line : base::split(text, '\n')) {
    if (const auto pid = base::parse_decimal(line, kMostPid)) {
      pids.push_back(static_cast<int>(*pid));
    }
  }
  return pids;
}

}  // namespace

std::string find_mps_control() {
  return base::find_program("nvidia-cuda-mps-control", "/usr/local/nvidia/bin:/usr/bin");
}

bool mps_daemon_of_others() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  const char* named = std::getenv("CUDA_MPS_PIPE_DIRECTORY");
  const std::string folder = named == nullptr || *named == '\0' ? "/tmp/nvidia-mps" : named;
  return ::access((folder + "/control").c_str(), F_OK) == 0;
}

struct Mps::State {
  std::string control;
  std::string folder;  // short: the path of a UNIX socket is limited to 108 bytes
  std::optional<Worker> daemon;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ~State() {
    if (daemon && daemon->running()) {
      static_cast<void>(ask("quit -t 5"));
      static_cast<void>(daemon->wait(kEndTakes));
      daemon->stop(kEndTakes);
    }
    std::error_code ignored;
    if (!folder.empty()) {
      std::filesystem::remove_all(folder, ignored);
    }
  }

  std::vector<std::pair<std::string, std::string>> environment() const {
    return {{"CUDA_MPS_PIPE_DIRECTORY", folder + "/p"}, {"CUDA_MPS_LOG_DIRECTORY", folder + "/l"}};
  }

  Result<std::string> ask(const std::string& command) const {
    MIG_ASSIGN_OR_RETURN(Worker worker,
                         Worker::start({{control}, environment(), {}, command + "\n"}));
    if (!worker.wait(kControlTakes)) {
      return fail(ErrorCode::kTimeout, "nvidia-cuda-mps-control did not answer " + command);
    }
    return worker.output();
  }

  Result<void> make_folder() {
    std::string name = "/tmp/mXXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
      return base::errno_error("make a folder like", name, errno);
    }
    folder = name;
    for (const char* part : {"/p", "/l"}) {
      if (::mkdir((folder + part).c_str(), 0700) != 0) {
        return base::errno_error("make", folder + part, errno);
      }
    }
    return {};
  }

  Result<void> wait_ready() {
    const auto deadline = Clock::now() + kStartTakes;
    const std::string socket = folder + "/p/control";
    while (::access(socket.c_str(), F_OK) != 0) {
      if (!daemon->running()) {
        return fail(ErrorCode::kDriver,
                    "nvidia-cuda-mps-control ended at once: " +
                        base::quoted(daemon->errors() + daemon->output(), 200));
      }
      if (Clock::now() >= deadline) {
        return fail(ErrorCode::kTimeout, "nvidia-cuda-mps-control does not listen");
      }
      std::this_thread::sleep_for(milliseconds(20));
    }
    return {};
  }
};

Mps::Mps(std::unique_ptr<State> state) : state_(std::move(state)) {}

Mps::Mps(Mps&&) noexcept = default;
Mps& Mps::operator=(Mps&&) noexcept = default;
Mps::~Mps() = default;

Result<Mps> Mps::start(const std::string& control, const std::string& device) {
  auto state = std::make_unique<State>();
  state->control = control;
  MIG_TRY(state->make_folder());
  WorkerRequest request;
  request.argv = {control, "-f"};
  request.environment = state->environment();
  request.environment.emplace_back("CUDA_VISIBLE_DEVICES", device);
  request.unset = {"CUDA_MPS_ACTIVE_THREAD_PERCENTAGE", "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT"};
  MIG_ASSIGN_OR_RETURN(Worker daemon, Worker::start(request));
  state->daemon = std::move(daemon);
  MIG_TRY(state->wait_ready());
  return Mps(std::move(state));
}

std::vector<std::pair<std::string, std::string>> Mps::environment() const {
  return state_->environment();
}

Result<std::vector<int>> Mps::clients() const {
  MIG_ASSIGN_OR_RETURN(const std::string servers, state_->ask("get_server_list"));
  std::vector<int> all;
  for (const int server : pids_of(servers)) {
    MIG_ASSIGN_OR_RETURN(const std::string list,
                         state_->ask("get_client_list " + std::to_string(server)));
    for (const int pid : pids_of(list)) {
      all.push_back(pid);
    }
  }
  return all;
}

}  // namespace mig::launch
