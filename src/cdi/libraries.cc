// SPDX-License-Identifier: Apache-2.0
#include "cdi/libraries.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"

namespace mig::cdi {
namespace {

namespace fs = std::filesystem;

#if defined(__aarch64__)
constexpr const char* kMultiarch = "aarch64-linux-gnu";
#else
constexpr const char* kMultiarch = "x86_64-linux-gnu";
#endif

constexpr std::size_t kMostOfCache = 64U << 20U;
constexpr std::size_t kMostEntries = 100'000;  // of a folder

std::vector<std::string> known_folders() {
  const std::string multiarch = kMultiarch;
  return {"/usr/lib64",
          "/usr/lib/" + multiarch,
          "/usr/lib64/nvidia/current",
          "/usr/lib/" + multiarch + "/nvidia/current",
          "/lib64",
          "/lib/" + multiarch,
          "/lib/" + multiarch + "/nvidia/current",
          "/usr/local/nvidia/lib64"};
}

std::string folder_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? std::string() : file.substr(0, slash);
}

std::string real_path(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  return error ? std::string() : real.string();
}

// Names in a folder that begin with "lib" and have ".so" in them, with the file that each leads to.
std::map<std::string, std::string> libraries_in(const std::string& folder) {
  std::map<std::string, std::string> found;
  std::error_code error;
  std::size_t entries = 0;
  for (fs::directory_iterator entry(folder, error), end;
       !error && entry != end && entries < kMostEntries;
       entry.increment(error), ++entries) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with("lib") && name.find(".so") != std::string::npos) {
      found.emplace(name, std::string());
    }
  }
  return found;
}

// The libraries of one folder that `taken` does not have yet.
void take_from(const std::string& folder,
               const std::string& version,
               std::map<std::string, Library>& taken) {
  const std::string end = ".so." + version;
  auto names = libraries_in(folder);
  std::map<std::string, std::string> wanted;  // file -> its name
  for (const auto& [name, unused] : names) {
    const bool compiler = name.starts_with("libnvidia-nvvm70.so.");
    if ((name.ends_with(end) || compiler) && !taken.contains(name)) {
      const std::string file = real_path(fmt::format("{}/{}", folder, name));
      if (!file.empty()) {
        wanted.emplace(file, name);
      }
    }
  }
  for (auto& [name, file] : names) {
    file = wanted.empty() ? std::string() : real_path(fmt::format("{}/{}", folder, name));
  }
  for (const auto& [file, own] : wanted) {
    Library library{file, {}};
    for (const auto& [name, leads_to] : names) {
      if (leads_to == file) {
        library.names.push_back(name);
      }
    }
    taken.emplace(own, std::move(library));
  }
}

std::uint32_t u32_at(std::string_view text, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, text.data() + at, sizeof value);
  return value;
}

}  // namespace

std::vector<std::string> folders_in_loader_cache(const std::string& cache,
                                                 const std::string& name) {
  constexpr std::string_view kMagic = "glibc-ld.so.cache1.1";
  constexpr std::size_t kHeader = 48, kEntry = 24, kKey = 4, kValue = 8;
  std::vector<std::string> folders;
  const auto read = base::read_file(cache, kMostOfCache);
  const std::string_view all = read ? std::string_view(*read) : std::string_view();
  const std::size_t begin = all.find(kMagic);  // an older format may stand before it
  if (begin == std::string_view::npos) {
    return folders;
  }
  const std::string_view text = all.substr(begin);
  const std::uint64_t count = text.size() < kHeader ? 0 : u32_at(text, kMagic.size());
  const auto string_at = [&](std::size_t at) {
    const std::string_view rest = at < text.size() ? text.substr(at) : std::string_view();
    return rest.substr(0, rest.find('\0'));
  };
  for (std::uint64_t i = 0; i < count && kHeader + (i + 1) * kEntry <= text.size(); ++i) {
    const std::size_t entry = kHeader + i * kEntry;
    if (string_at(u32_at(text, entry + kKey)) != name) {
      continue;
    }
    const std::string folder = folder_of(std::string(string_at(u32_at(text, entry + kValue))));
    if (!folder.empty() && std::find(folders.begin(), folders.end(), folder) == folders.end()) {
      folders.push_back(folder);
    }
  }
  return folders;
}

Result<std::vector<Library>> find_libraries(const LibrarySearch& search) {
  std::vector<std::string> folders = search.folders;
  const std::string of_nvml = real_path(search.nvml);
  folders.push_back(folder_of(search.nvml));
  folders.push_back(folder_of(of_nvml));
  for (const char* name : {"libcuda.so.1", "libnvidia-ml.so.1"}) {
    for (std::string& folder : folders_in_loader_cache(search.loader_cache, name)) {
      folders.push_back(std::move(folder));
    }
  }
  for (std::string& folder : known_folders()) {
    folders.push_back(std::move(folder));
  }
  std::map<std::string, Library> taken;
  std::vector<std::string> searched;
  for (const std::string& folder : folders) {
    if (folder.empty() || std::find(searched.begin(), searched.end(), folder) != searched.end()) {
      continue;
    }
    searched.push_back(folder);
    take_from(folder, search.driver_version, taken);
  }
  if (!taken.contains("libcuda.so." + search.driver_version)) {
    return fail(
        ErrorCode::kNotFound,
        fmt::format(
            "libcuda.so.{} is in none of {}", search.driver_version, base::join(searched, ", ")),
        "name the folder of the driver's libraries: --library-folder DIR");
  }
  std::vector<Library> libraries;
  libraries.reserve(taken.size());
  for (auto& [name, library] : taken) {
    libraries.push_back(std::move(library));
  }
  return libraries;
}

std::vector<std::string> find_programs() {
  constexpr std::array<const char*, 5> kNames = {"nvidia-smi",
                                                 "nvidia-debugdump",
                                                 "nvidia-persistenced",
                                                 "nvidia-cuda-mps-control",
                                                 "nvidia-cuda-mps-server"};
  std::vector<std::string> found;
  for (const char* name : kNames) {
    for (const char* folder : {"/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/bin/"}) {
      const std::string path = std::string(folder) + name;
      if (::access(path.c_str(), X_OK) == 0) {
        found.push_back(path);
        break;
      }
    }
  }
  return found;
}

std::vector<std::string> default_folders() {
  return {std::string("/usr/lib/") + kMultiarch, "/usr/lib64"};
}

}  // namespace mig::cdi
