// SPDX-License-Identifier: Apache-2.0
#include "launch/ranks.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include "base/fd.h"
#include "base/strings.h"

namespace mig::launch {
namespace {

// vLLM's own defaults for large GPUs. Inside an instance its query of the GPU's memory is refused,
// and it falls back to those of the smallest GPU: 28 to 53 % of the throughput lost on an H200's
// 2g.35gb (vllm-project/vllm#55381).
constexpr std::string_view kVllmArguments = "--max-num-batched-tokens=8192 --max-num-seqs=1024";

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool names_program(const std::vector<std::string>& argv, std::string_view program) {
  return std::any_of(argv.begin(), argv.end(), [&](const std::string& word) {
    return base_name(word) == program;
  });
}

// True for options that request more than one process: "--nproc_per_node=4", "--nproc-per-node 4",
// "-np 4".
bool asks_for_processes(const std::vector<std::string>& argv) {
  constexpr std::array<std::string_view, 8> kOptions{"--nproc_per_node",
                                                     "--nproc-per-node",
                                                     "--num_processes",
                                                     "--num-processes",
                                                     "--num_gpus",
                                                     "--tensor-parallel-size",
                                                     "-tp",
                                                     "-np"};
  for (std::size_t i = 0; i < argv.size(); ++i) {
    for (const std::string_view option : kOptions) {
      const std::string& word = argv[i];
      std::string_view value;
      if (word == option && i + 1 < argv.size()) {
        value = argv[i + 1];
      } else if (word.size() > option.size() && word.starts_with(option) &&
                 word[option.size()] == '=') {
        value = std::string_view(word).substr(option.size() + 1);
      }
      constexpr std::uint64_t kMany = 100'000;
      const auto number = base::parse_decimal(value, kMany);
      if ((number && *number > 1) || value == "gpu" || value == "auto") {
        return true;
      }
    }
  }
  return false;
}

bool has_option(const std::vector<std::string>& argv, std::string_view option) {
  return std::any_of(argv.begin(), argv.end(), [&](const std::string& word) {
    return word == option || word.starts_with(std::string(option) + "=");
  });
}

}  // namespace

std::uint16_t free_loopback_port() {
  const base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (!fd.valid() || ::bind(fd.get(), generic, size) != 0 ||
      ::getsockname(fd.get(), generic, &size) != 0) {
    return 0;
  }
  return ntohs(address.sin_port);
}

Environment rank_environment(const Instance& instance, const RankFacts& facts) {
  const auto number = [](auto value) { return std::to_string(value); };
  Environment out = {{"CUDA_VISIBLE_DEVICES", instance.uuid},
                     {"NVIDIA_VISIBLE_DEVICES", instance.uuid},
                     {"MIGCTL_PROFILE", instance.profile.str()},
                     {"MIGCTL_GPU", number(instance.gpu.value)},
                     {"MIGCTL_GPU_INSTANCE", number(instance.gpu_instance.value)},
                     {"MIGCTL_COMPUTE_INSTANCE", number(instance.compute_instance.value)},
                     {"MIGCTL_MEMORY_MIB", number(instance.memory_mib)},
                     {"MIGCTL_RANK", number(facts.rank)},
                     {"MIGCTL_WORLD_SIZE", number(facts.count)},
                     {"MIGCTL_VLLM_ARGS", std::string(kVllmArguments)}};
  if (instance.sm) {
    out.emplace_back("MIGCTL_SMS", number(*instance.sm));
  }
  if (facts.job != 0) {
    out.emplace_back("MIGCTL_JOB_ID", number(facts.job));
  }
  if (facts.rendezvous != 0) {
    out.emplace_back("RANK", number(facts.rank));
    out.emplace_back("WORLD_SIZE", number(facts.count));
    // Each rank sees one device, so its local device is always 0.
    out.emplace_back("LOCAL_RANK", "0");
    out.emplace_back("MASTER_ADDR", "127.0.0.1");
    out.emplace_back("MASTER_PORT", number(facts.rendezvous));
    // NCCL refuses two ranks on one GPU without this variable (nccl#1716).
    if (facts.gpu_shared_by_ranks) {
      out.emplace_back("NCCL_MULTI_RANK_GPU_ENABLE", "1");
    }
  }
  return out;
}

std::vector<std::string> warnings_of(const std::vector<std::string>& argv,
                                     const std::string& visible,
                                     std::uint32_t count,
                                     bool together) {
  std::vector<std::string> out;
  if (!visible.empty()) {
    out.push_back(
        fmt::format("CUDA_VISIBLE_DEVICES was {}: the command gets its own instance in "
                    "its place",
                    base::quoted(visible)));
  }
  if (asks_for_processes(argv)) {
    out.emplace_back(
        "the command starts several processes or wants several devices, but CUDA shows a process "
        "one MIG instance only: --count N starts it once on each of N instances");
  }
  if (together && count > 1) {
    out.emplace_back(
        "instances have no peer-to-peer access, NVLink or CUDA IPC among them: ranks talk through "
        "host memory, which NCCL can from 2.32 on, and `--ranks torch` helps little where "
        "communication is the bottleneck");
  }
  if (names_program(argv, "vllm") && !has_option(argv, "--max-num-batched-tokens")) {
    out.push_back(
        fmt::format("vLLM takes the batch limits of the smallest GPU inside a MIG "
                    "instance (vllm#55381): give it {}, also in $MIGCTL_VLLM_ARGS",
                    kVllmArguments));
  }
  return out;
}

}  // namespace mig::launch
