// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/shell_programs.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "sim/tools/shell_join.h"
#include "sim/tools/shell_scripts.h"

namespace migsim {

namespace {

constexpr const char* kPrograms = "/usr/bin";
constexpr const char* kLibrary = "libnvidia-ml.so.1";
constexpr const char* kLoaderCache = "/etc/ld.so.cache";
constexpr std::size_t kMaxCacheBytes = 4U << 20U;

// Folders in which programs look for the driver's library without asking the loader.
const char* const kLibraryFolders[] = {"/usr/lib/x86_64-linux-gnu",
                                       "/usr/lib64",
                                       "/usr/lib",
                                       "/usr/local/nvidia/lib64",
                                       "/run/opengl-driver/lib"};

// An entry to add to a host folder: a file (bind mount of `source`) or a link to it.
struct Entry {
  std::string name;
  std::string source;
  bool link = false;
};

bool there(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string read_cache(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(kMaxCacheBytes, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return bytes;
}

// True in a user namespace made without privilege, where setuid programs have no effect.
bool setuid_is_dead() {
  return first_line("/proc/self/setgroups") == "deny";
}

// First of the dynamic loader's own folders on this host: multiarch (Debian), lib64 (Red Hat,
// SUSE), lib.
std::string loader_folder() {
  for (const char* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"}) {
    if (there(below(folder, "libc.so.6"))) {
      return folder;
    }
  }
  return "";
}

// Fills the overlay's layer: files as mount points to bind over, and links as they are.
void write_layer(Mounter& mounter, const std::string& layer, const std::vector<Entry>& entries) {
  mounter.folder(layer);
  for (const Entry& entry : entries) {
    if (entry.link) {
      mounter.link(below(layer, entry.name), entry.source);
    } else {
      mounter.file(below(layer, entry.name), "", 0755);
    }
  }
}

// Existing entries are covered in place; for new ones the folder is joined or overlaid.
Problem place(const std::string& folder,
              const std::vector<Entry>& entries,
              const std::string& layer) {
  std::vector<Entry> missing;
  std::copy_if(
      entries.begin(), entries.end(), std::back_inserter(missing), [&](const Entry& entry) {
        return !there(below(folder, entry.name));
      });
  Mounter mounter;
  if (!missing.empty()) {
    write_layer(mounter, layer, missing);
    const Join join{folder, layer};
    if (mounter.ok() && !overlay_folder(join)) {
      join_folder(mounter, join, layer + "-staged");
    }
  }
  // Last, as a new overlay shows the files below earlier mounts.
  for (const Entry& entry : entries) {
    if (!entry.link) {
      mounter.bind(entry.source, below(folder, entry.name));
    }
  }
  return mounter.problem();
}

std::vector<Entry> programs(const Installed& what) {
  std::vector<Entry> entries = {{"nvidia-smi", what.migctl}, {"migctl", what.migctl, true}};
  if (setuid_is_dead() || !there(below(kPrograms, "sudo"))) {
    entries.push_back({"sudo", below(what.scratch, kSudoFile)});
  }
  if (setuid_is_dead()) {
    entries.push_back({"su", below(what.scratch, kSuFile)});
  }
  return entries;
}

// Library files under the names of the driver's package: the versioned file and the soname link.
std::vector<Entry> libraries(const Installed& what, const std::string& folder) {
  const std::string version = first_line(what.tree + "/sys/module/nvidia/version");
  const std::string file = "libnvidia-ml.so." + version;
  std::vector<Entry> entries = {{file, what.library}, {kLibrary, file, true}};
  if (there(below(folder, kLibrary))) {
    entries = {{kLibrary, what.library}};
  }
  const std::string stand_in = "libcuda.so." + version;
  const std::string source = what.tree + "/usr/lib/x86_64-linux-gnu/" + stand_in;
  if (there(source) && !there(below(folder, "libcuda.so.1"))) {
    entries.push_back({stand_in, source});
  }
  return entries;
}

std::string sentence(const std::string& what, const Problem& problem, const std::string& instead) {
  return what + " (" + problem.message + "); " + instead;
}

}  // namespace

std::vector<std::string> library_places(const std::string& cache) {
  std::vector<std::string> places;
  for (const char* folder : kLibraryFolders) {
    places.push_back(below(folder, kLibrary));
  }
  // ld.so.cache names each library by its path, with a NUL before and after.
  const std::string bytes = read_cache(cache);
  const std::string name = std::string("/") + kLibrary + '\0';
  for (std::size_t at = bytes.find(name); at != std::string::npos; at = bytes.find(name, at + 1)) {
    const std::size_t start = bytes.rfind('\0', at) + 1;  // npos + 1 is 0
    std::string path = bytes.substr(start, at + name.size() - 1 - start);
    if (path.starts_with('/') && std::find(places.begin(), places.end(), path) == places.end()) {
      places.push_back(std::move(path));
    }
  }
  return places;
}

void cover_library(Mounter& mounter, const std::string& library) {
  if (!there(library)) {
    return;
  }
  for (const std::string& path : library_places(kLoaderCache)) {
    if (there(path)) {
      mounter.bind(library, path);
    }
  }
}

std::vector<std::string> install_driver(const Installed& what) {
  std::vector<std::string> missing;
  if (const Problem problem = place(kPrograms, programs(what), what.scratch + "/programs");
      !problem.ok()) {
    missing.push_back(sentence("nvidia-smi cannot be shown in /usr/bin",
                               problem,
                               "it is found by its name as long as PATH stays as it is"));
  }
  const std::string folder = loader_folder();
  if (folder.empty() || !there(what.library)) {
    return missing;
  }
  if (const Problem problem = place(folder, libraries(what, folder), what.scratch + "/libraries");
      !problem.ok()) {
    missing.push_back(sentence("libnvidia-ml.so.1 cannot be shown in " + folder,
                               problem,
                               "it is found as long as LD_LIBRARY_PATH stays as it is"));
  }
  return missing;
}

}  // namespace migsim
