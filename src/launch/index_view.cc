// SPDX-License-Identifier: Apache-2.0
#include "launch/index_view.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

namespace mig::launch {
namespace {

constexpr char kUuid[] = "MIGCTL_COMPAT_UUID";
constexpr char kDriver[] = "MIGCTL_COMPAT_NVML";

// Issues of others in which a MIG UUID ends the program or is answered for the whole GPU.
struct Known {
  std::string_view program, issue;
};

constexpr std::array<Known, 2> kKnown{{
    {"vllm", "vllm#41848"},
    {"ray", "ray#12413"},
}};

std::string_view program_of_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

Result<void> check(const IndexView& view) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before the command starts
  if (::getenv(kUuid) != nullptr) {
    return fail(ErrorCode::kConflict,
                "--compat index: this process sees an instance as device 0 already",
                "start the command as it is, or migctl outside of that job");
  }
  const std::string own = view.library_dir + "/libnvidia-ml.so.1";
  if (::access(own.c_str(), R_OK) != 0) {
    return fail(ErrorCode::kNotFound,
                fmt::format("--compat index: the view's library {} is not there", own),
                "it is part of migctl: build the target compat_nvml, or install migctl again");
  }
  if (view.driver_library.empty() || view.driver_library.front() != '/' ||
      ::access(view.driver_library.c_str(), R_OK) != 0) {
    return fail(ErrorCode::kNotFound,
                fmt::format("--compat index: the driver's library is not known by its path ({})",
                            view.driver_library.empty() ? "none" : view.driver_library),
                "name it: --nvml-library /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1");
  }
  return {};
}

void show_as_index(std::vector<std::pair<std::string, std::string>>& environment,
                   const Instance& instance,
                   const IndexView& view,
                   const char* library_path) {
  std::erase_if(environment,
                [](const auto& variable) { return variable.first == "CUDA_VISIBLE_DEVICES"; });
  const std::string rest = library_path == nullptr || *library_path == '\0' ? "" : library_path;
  environment.emplace_back("CUDA_VISIBLE_DEVICES", "0");
  environment.emplace_back("LD_LIBRARY_PATH",
                           rest.empty() ? view.library_dir : view.library_dir + ":" + rest);
  environment.emplace_back(kUuid, instance.uuid);
  environment.emplace_back(kDriver, view.driver_library);
}

std::string index_hint(const std::vector<std::string>& argv) {
  for (const std::string& word : argv) {
    const auto* known = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& one) {
      return one.program == program_of_path(word);
    });
    if (known != kKnown.end()) {
      return fmt::format(
          "{0} may refuse the MIG UUID in CUDA_VISIBLE_DEVICES, or take its number for the whole "
          "GPU ({1}): --compat index shows it the instance as device 0",
          known->program,
          known->issue);
    }
  }
  return "";
}

}  // namespace mig::launch
