// SPDX-License-Identifier: Apache-2.0
#include "cdi/foreign.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "base/file.h"
#include "config/cdi_spec.h"

namespace mig::cdi {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostOfFile = 16U << 20U;
constexpr std::size_t kMostFiles = 1000;  // of a folder

std::string real(const std::string& path) {
  std::error_code error;
  return fs::weakly_canonical(path, error).string();
}

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end;
       !error && entry != end && files.size() < kMostFiles;
       entry.increment(error)) {
    const std::string extension = entry->path().extension().string();
    if (extension == ".json" || extension == ".yaml" || extension == ".yml") {
      files.push_back(entry->path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Devices of the file that `spec` names too.
void add_named_in(const std::string& file, const Spec& spec, std::vector<ForeignDevice>& found) {
  const auto text = base::read_file(file, kMostOfFile);
  const auto other = text && !text->empty() ? config::parse_cdi_spec(*text, file)
                                            : Result<config::CdiSpec>(config::CdiSpec());
  if (!other || other->kind != spec.kind) {
    return;
  }
  for (const config::CdiDevice& device : other->devices) {
    if (spec.find(device.name) != nullptr) {
      found.push_back({file, spec.kind + "=" + device.name});
    }
  }
}

}  // namespace

std::vector<ForeignDevice> named_elsewhere(const Spec& spec,
                                           const std::string& path,
                                           const std::vector<std::string>& folders) {
  std::vector<std::string> all = {path.substr(0, path.rfind('/'))};
  all.insert(all.end(), folders.begin(), folders.end());
  std::set<std::string> seen;
  std::vector<ForeignDevice> found;
  for (const std::string& folder : all) {
    if (!seen.insert(real(folder)).second) {
      continue;
    }
    for (const std::string& file : files_in(folder)) {
      if (real(file) != real(path)) {
        add_named_in(file, spec, found);
      }
    }
  }
  return found;
}

std::map<std::string, std::vector<std::string>> all_names(const std::vector<std::string>& folders) {
  std::map<std::string, std::vector<std::string>> names;
  std::set<std::string> seen;
  for (const std::string& folder : folders) {
    if (!seen.insert(real(folder)).second) {
      continue;
    }
    for (const std::string& file : files_in(folder)) {
      const auto text = base::read_file(file, kMostOfFile);
      const auto spec =
          text ? config::parse_cdi_spec(*text, file) : Result<config::CdiSpec>(text.error());
      for (const config::CdiDevice& device :
           spec ? spec->devices : std::vector<config::CdiDevice>()) {
        names[spec->kind + "=" + device.name].push_back(file);
      }
    }
  }
  return names;
}

std::vector<std::string> engine_folders(const std::string& path) {
  const std::size_t tree = path.find("/tree/");
  if (tree != std::string::npos && fs::exists(path.substr(0, tree) + "/machine.state")) {
    const std::string root = path.substr(0, tree) + "/tree";
    return {root + "/etc/cdi", root + "/var/run/cdi"};
  }
  return {"/etc/cdi", "/var/run/cdi"};
}

}  // namespace mig::cdi
