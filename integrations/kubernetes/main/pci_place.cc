// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/pci_place.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/strings.h"

namespace mig::kube {
namespace {

constexpr std::size_t kMostBytes = 32;
constexpr std::uint64_t kMostNodes = 1024;
constexpr std::size_t kDomainDigits = 8;  // the driver's; sysfs has four

// "0000:00:06.0" of "00000000:00:06.0"; "" = no address.
std::string folder_name(const std::string& pci_bus_id) {
  const auto right = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
  };
  std::string id = base::lower(pci_bus_id);
  if (id.empty() || !std::all_of(id.begin(), id.end(), right)) {
    return "";
  }
  if (id.find(':') == kDomainDigits && id.starts_with("0000")) {
    id.erase(0, 4);
  }
  return id;
}

}  // namespace

std::optional<std::int64_t> numa_node(const std::string& sys, const std::string& pci_bus_id) {
  const std::string id = folder_name(pci_bus_id);
  if (id.empty()) {
    return std::nullopt;
  }
  const auto text = base::read_file(sys + "/bus/pci/devices/" + id + "/numa_node", kMostBytes);
  if (!text) {
    return std::nullopt;
  }
  // "-1" where the firmware says none.
  const auto number = base::parse_decimal(text->substr(0, text->find('\n')), kMostNodes);
  return number ? std::optional(static_cast<std::int64_t>(*number)) : std::nullopt;
}

std::string pcie_root(const std::string& sys, const std::string& pci_bus_id) {
  const std::string id = folder_name(pci_bus_id);
  std::error_code error;
  // The entry is a link: ../../../devices/pci0000:00/0000:00:06.0
  const auto path = std::filesystem::canonical(sys + "/bus/pci/devices/" + id, error);
  if (id.empty() || error) {
    return "";
  }
  for (const auto& part : path) {
    std::string name = part.string();
    if (name.starts_with("pci") && name.find(':') != std::string::npos) {
      return name;
    }
  }
  return "";
}

}  // namespace mig::kube
