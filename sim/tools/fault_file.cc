// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "sim/gpus/strict_json.h"
#include "sim/tools/fault_spec.h"

namespace migsim {

namespace {

std::optional<std::uint32_t> place(ObjectReader& reader, const char* key, std::int64_t max) {
  if (!reader.has(key)) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(reader.number(key, 0, max));
}

std::string action(ObjectReader& reader, const char* key) {
  return reader.has(key) ? reader.text(key, 64) : std::string();
}

FaultSpec read_fault(ObjectReader& reader) {
  FaultSpec spec;
  spec.call = action(reader, "call");
  spec.gpu = place(reader, "gpu", kMaxGpus - 1);
  spec.gi = place(reader, "gi", kMaxGis - 1);
  spec.ci = place(reader, "ci", kMaxCis - 1);
  spec.nth = place(reader, "nth", UINT32_MAX).value_or(1);
  spec.repeat = place(reader, "repeat", UINT32_MAX).value_or(1);
  spec.fail = action(reader, "fail");
  spec.hang = action(reader, "hang");
  spec.kill = action(reader, "kill");
  spec.lost = reader.has("lost") && reader.flag("lost");
  spec.xid = place(reader, "xid", 999);
  spec.memory = action(reader, "memory");
  spec.recovery = action(reader, "recovery");
  reader.finish();
  return spec;
}

void read_latencies(const nlohmann::json& value,
                    std::vector<LatencySpec>& latencies,
                    std::string& error) {
  ObjectReader reader(value, "latencies", error);
  if (!value.is_object()) {
    return;
  }
  for (const auto& item : value.items()) {
    latencies.push_back({item.key(), reader.text(item.key().c_str(), 32)});
  }
}

}  // namespace

Problem load_faults(const std::string& path,
                    std::vector<FaultSpec>& faults,
                    std::vector<LatencySpec>& latencies) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxJsonBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return {
        Exit::kIo,
        "cannot read " + path + ": " + std::error_code(errno, std::generic_category()).message(),
        ""};
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  nlohmann::json document;
  std::string error;
  if (!parse_strict(text, document, error)) {
    return {text.size() > kMaxJsonBytes ? Exit::kTooLarge : Exit::kInvalidInput,
            path + ": " + error,
            ""};
  }
  ObjectReader root(document, "", error);
  if (root.has("faults")) {
    const nlohmann::json* list = root.array("faults", kMaxFaults);
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
      ObjectReader entry((*list)[i], "faults[" + std::to_string(i) + "]", error);
      faults.push_back(read_fault(entry));
    }
  }
  if (root.has("latencies")) {
    read_latencies(*root.member("latencies"), latencies, error);
  }
  if (!root.finish()) {
    return {Exit::kInvalidInput, path + ": " + error, "docs/simulator.md shows the form"};
  }
  return {};
}

}  // namespace migsim
