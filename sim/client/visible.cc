// SPDX-License-Identifier: Apache-2.0
#include "sim/client/visible.h"

#include <charconv>
#include <optional>
#include <string_view>

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

// The device that a GPU stands for: the GPU itself, or in MIG mode its first MIG device.
bool on_gpu(const State& state, std::uint32_t gpu, Instance& found, std::string& error) {
  found = {gpu, kNone, kNone};
  if (state.gpus[gpu].mig_current == 0 || mig_device_at(state.gpus[gpu], 0, found.gi, found.ci)) {
    return true;
  }
  error = "GPU " + std::to_string(gpu) + " is in MIG mode and has no compute instance";
  return false;
}

bool any_device(const Hardware& hardware, const State& state, Instance& found, std::string& error) {
  for (std::uint32_t gpu = 0; gpu < hardware.gpu_count; ++gpu) {
    found = {gpu, kNone, kNone};
    if (state.gpus[gpu].mig_current != 0 && mig_device_at(state.gpus[gpu], 0, found.gi, found.ci)) {
      return true;
    }
  }
  for (std::uint32_t gpu = 0; gpu < hardware.gpu_count; ++gpu) {
    if (state.gpus[gpu].mig_current == 0) {
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

bool by_gpu_uuid(const Hardware& hardware,
                 const State& state,
                 std::string_view entry,
                 Instance& found,
                 std::string& error) {
  const std::uint32_t gpu = gpu_by_prefix(hardware, state, entry);
  if (gpu < hardware.gpu_count) {
    return on_gpu(state, gpu, found, error);
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

bool find_entry(const Hardware& hardware,
                const State& state,
                std::string_view entry,
                Instance& found,
                std::string& error) {
  if (entry.empty() || entry == "-1" || entry == "NoDevFiles") {
    error = "CUDA_VISIBLE_DEVICES hides every device";
    return false;
  }
  if (entry.starts_with("MIG-GPU-")) {
    return by_gi_and_ci(hardware, state, entry, found, error);
  }
  if (entry.starts_with("MIG-") && entry.size() > 4) {
    return by_mig_uuid(hardware, state, entry, found, error);
  }
  if (entry.starts_with("GPU-") && entry.size() > 4) {
    return by_gpu_uuid(hardware, state, entry, found, error);
  }
  const auto index = number(entry);
  if (!index || *index >= hardware.gpu_count) {
    error = "no device is " + std::string(entry) + "; give an index below " +
            std::to_string(hardware.gpu_count) + ", GPU-<uuid> or MIG-<uuid>";
    return false;
  }
  return on_gpu(state, *index, found, error);
}

}  // namespace

bool find_visible(const Hardware& hardware,
                  const State& state,
                  const char* visible,
                  Instance& found,
                  std::string& error) {
  if (visible == nullptr) {
    return any_device(hardware, state, found, error);
  }
  std::string_view list = visible;
  bool any = false;
  for (bool more = true; more;) {
    const std::size_t comma = list.find(',');
    Instance at;
    std::string why;
    if (!find_entry(hardware, state, trimmed(list.substr(0, comma)), at, why)) {
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
