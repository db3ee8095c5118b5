// SPDX-License-Identifier: Apache-2.0
#include "cdi/start_check.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "config/cdi_spec.h"

namespace mig::cdi {
namespace {

constexpr std::size_t kMostOfChecked = 16U << 20U;
constexpr std::chrono::seconds kMostOfState{10};

std::string joined(std::vector<std::string> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return base::join(numbers, ",");
}

Error not_now(const std::string& name, const std::string& why) {
  return Error{
      ErrorCode::kConflict,
      fmt::format("the container was not started: {} {}", base::printable(name), why),
      "a change of the layout is under way, or was made since the engine read its devices: "
      "start it again",
      {},
      {}};
}

}  // namespace

Hook start_check(const std::string& program, const std::string& file, const Device& device) {
  std::vector<std::string> numbers;
  for (const DeviceNode& node : device.edits.nodes) {
    numbers.push_back(fmt::format("{}:{}", node.major_number, node.minor_number));
  }
  return {"createRuntime",
          program,
          {"migctl", "cdi", "hook", file, device.name, joined(std::move(numbers))},
          {}};
}

void take_state(int standard_input) {
  using Clock = std::chrono::steady_clock;
  struct stat about = {};
  if (::fstat(standard_input, &about) != 0 ||
      !(S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode))) {
    return;
  }
  const Clock::time_point end = Clock::now() + kMostOfState;
  std::array<char, 4096> buffer{};
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    pollfd wait{standard_input, POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) {
      continue;
    }
    if (ready <= 0 || ::read(standard_input, buffer.data(), buffer.size()) <= 0) {
      return;
    }
  }
}

Result<void> check_start(const std::string& file,
                         const std::string& name,
                         const std::string& numbers) {
  const auto text = base::read_file(file, kMostOfChecked);
  if (!text) {
    return not_now(name, "is withdrawn (" + text.error().text() + ")");
  }
  MIG_ASSIGN_OR_RETURN(const config::CdiSpec spec, config::parse_cdi_spec(*text, file));
  const auto device = std::find_if(
      spec.devices.begin(), spec.devices.end(), [&](const auto& one) { return one.name == name; });
  if (device == spec.devices.end()) {
    return not_now(name, "is withdrawn");
  }
  std::vector<std::string> now;
  for (const config::CdiNode& node : device->edits.nodes) {
    now.push_back(
        fmt::format("{}:{}", node.major_number.value_or(0), node.minor_number.value_or(0)));
  }
  if (joined(std::move(now)) != numbers) {
    return not_now(name, "is another instance now");
  }
  return {};
}

}  // namespace mig::cdi
