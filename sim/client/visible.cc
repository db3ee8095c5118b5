// SPDX-License-Identifier: Apache-2.0
#include "sim/client/visible.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "sim/machine/mig.h"

namespace migsim {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, code] = std::from_chars(text.data(), end, value);
  return code == std::errc{} && at == end ? std::optional(value) : std::nullopt;
}

std::string_view uuid_of(const char (&uuid)[48]) {
  const std::string_view text(uuid, sizeof(uuid));
  return text.substr(0, text.find('\0'));
}

// The machine as a process may see it.
struct Sight {
  const Hardware& hardware;
  const State& state;
  const CanOpen& can_open;

  bool opens(const Instance& at) const { return !can_open || can_open(at); }
};

// The first MIG device of a GPU that the process can open, else the first.
bool first_mig_device(const Sight& sight, std::uint32_t gpu, Instance& found) {
  const GpuState& state = sight.state.gpus[gpu];
  Instance at{gpu, kNone, kNone};
  for (std::uint32_t i = 0; mig_device_at(state, i, at.gi, at.ci); ++i) {
    if (sight.opens(at)) {
      found = at;
      return true;
    }
  }
  found = {gpu, kNone, kNone};
  return mig_device_at(state, 0, found.gi, found.ci);
}

// GPUs in the order of their indices for this process.
std::vector<std::uint32_t> gpus_of(const Sight& sight) {
  std::vector<std::uint32_t> all;
  std::vector<std::uint32_t> open;
  for (std::uint32_t gpu = 0; gpu < sight.hardware.gpu_count; ++gpu) {
    all.push_back(gpu);
    if (sight.opens({gpu, kNone, kNone})) {
      open.push_back(gpu);
    }
  }
  return open.empty() ? all : open;
}

// The device that a GPU stands for: the GPU itself, or in MIG mode its first MIG device.
bool on_gpu(const Sight& sight, std::uint32_t gpu, Instance& found, std::string& error) {
  found = {gpu, kNone, kNone};
  if (sight.state.gpus[gpu].mig_current == 0 || first_mig_device(sight, gpu, found)) {
    return true;
  }
  error = "GPU " + std::to_string(gpu) + " is in MIG mode and has no compute instance";
  return false;
}

bool any_device(const Sight& sight, Instance& found, std::string& error) {
  const std::vector<std::uint32_t> gpus = gpus_of(sight);
  bool any = false;
  for (const std::uint32_t gpu : gpus) {
    Instance at;
    if (sight.state.gpus[gpu].mig_current == 0 || !first_mig_device(sight, gpu, at)) {
      continue;
    }
    if (!any) {
      found = at;
      any = true;
    }
    if (sight.opens(at)) {
      found = at;
      return true;
    }
  }
  if (any) {
    return true;
  }
  for (const std::uint32_t gpu : gpus) {
    if (sight.state.gpus[gpu].mig_current == 0) {
      found = {gpu, kNone, kNone};
      return true;
    }
  }
  error = "every GPU is in MIG mode and none has a compute instance";
  return false;
}

// Index of the only GPU whose UUID has this prefix; kNone for no match, kSeveral for several.
constexpr std::uint32_t kSeveral = kNone - 1;

std::uint32_t gpu_by_prefix(const Hardware& hardware, const State& state, std::string_view prefix) {
  std::uint32_t found = kNone;
  for (std::uint32_t gpu = 0; gpu < hardware.gpu_count; ++gpu) {
    if (uuid_of(state.gpus[gpu].uuid).starts_with(prefix)) {
      found = found == kNone ? gpu : kSeveral;
    }
  }
  return found;
}

bool by_gpu_uuid(const Sight& sight, std::string_view entry, Instance& found, std::string& error) {
  const std::uint32_t gpu = gpu_by_prefix(sight.hardware, sight.state, entry);
  if (gpu < sight.hardware.gpu_count) {
    return on_gpu(sight, gpu, found, error);
  }
  error = std::string(gpu == kSeveral ? "more than one GPU has a UUID that starts with "
                                      : "no GPU has the UUID ") +
          std::string(entry);
  return false;
}

bool by_mig_uuid(const Hardware& hardware,
                 const State& state,
                 std::string_view entry,
                 Instance& found,
                 std::string& error) {
  std::uint32_t matches = 0;
  for (std::uint32_t gpu = 0; gpu < hardware.gpu_count; ++gpu) {
    Instance at{gpu, kNone, kNone};
    for (std::uint32_t i = 0; mig_device_at(state.gpus[gpu], i, at.gi, at.ci); ++i) {
      if (uuid_of(state.gpus[gpu].gis[at.gi].cis[at.ci].uuid).starts_with(entry)) {
        found = at;
        ++matches;
      }
    }
  }
  if (matches != 1) {
    error = std::string(matches > 1 ? "more than one MIG device has a UUID that starts with "
                                    : "no MIG device has the UUID ") +
            std::string(entry);
  }
  return matches == 1;
}

// The UUID form of drivers before R470: MIG-GPU-<uuid>/<gi>/<ci>.
bool by_gi_and_ci(const Hardware& hardware,
                  const State& state,
                  std::string_view entry,
                  Instance& found,
                  std::string& error) {
  const std::size_t first = entry.find('/');
  const std::size_t second = first == entry.npos ? first : entry.find('/', first + 1);
  const auto gi =
      second == entry.npos ? std::nullopt : number(entry.substr(first + 1, second - first - 1));
  const auto ci = second == entry.npos ? std::nullopt : number(entry.substr(second + 1));
  const std::uint32_t gpu =
      gi && ci ? gpu_by_prefix(hardware, state, entry.substr(4, first - 4)) : kNone;
  if (gpu >= hardware.gpu_count || *gi >= kMaxGis || *ci >= kMaxCis ||
      state.gpus[gpu].gis[*gi].used == 0 || state.gpus[gpu].gis[*gi].cis[*ci].used == 0) {
    error = "no MIG device is " + std::string(entry);
    return false;
  }
  found = {gpu, *gi, *ci};
  return true;
}

bool find_entry(const Sight& sight, std::string_view entry, Instance& found, std::string& error) {
  if (entry.empty() || entry == "-1" || entry == "NoDevFiles") {
    error = "CUDA_VISIBLE_DEVICES hides every device";
    return false;
  }
  if (entry.starts_with("MIG-GPU-")) {
    return by_gi_and_ci(sight.hardware, sight.state, entry, found, error);
  }
  if (entry.starts_with("MIG-") && entry.size() > 4) {
    return by_mig_uuid(sight.hardware, sight.state, entry, found, error);
  }
  if (entry.starts_with("GPU-") && entry.size() > 4) {
    return by_gpu_uuid(sight, entry, found, error);
  }
  const auto index = number(entry);
  const std::vector<std::uint32_t> gpus = gpus_of(sight);
  if (!index || *index >= gpus.size()) {
    error = "no device is " + std::string(entry) + "; give an index below " +
            std::to_string(gpus.size()) + ", GPU-<uuid> or MIG-<uuid>";
    return false;
  }
  return on_gpu(sight, gpus[*index], found, error);
}

}  // namespace

bool find_visible(const Hardware& hardware,
                  const State& state,
                  const char* visible,
                  Instance& found,
                  std::string& error,
                  const CanOpen& can_open) {
  const Sight sight{hardware, state, can_open};
  if (visible == nullptr) {
    return any_device(sight, found, error);
  }
  std::string_view list = visible;
  bool any = false;
  for (bool more = true; more;) {
    const std::size_t comma = list.find(',');
    Instance at;
    std::string why;
    if (!find_entry(sight, trimmed(list.substr(0, comma)), at, why)) {
      error = any ? "" : why;
      return any;
    }
    if (!any || at.gi != kNone) {
      found = at;
      any = true;
    }
    more = comma != list.npos && found.gi == kNone;
    list.remove_prefix(more ? comma + 1 : 0);
  }
  return true;
}

}  // namespace migsim
