// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/shell_join.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <fstream>
#include <sstream>

namespace migsim {

namespace {

enum class Kind { kNothing, kFolder, kOther };

Kind kind_of(const std::string& path) {
  struct stat info {};

  if (lstat(path.c_str(), &info) != 0) {
    return Kind::kNothing;
  }
  return S_ISDIR(info.st_mode) ? Kind::kFolder : Kind::kOther;
}

void fill(Mounter& mounter, const Join& join, const std::string& to) {
  for (const std::string& name : mounter.names_in(join.folder)) {
    if (!join.hidden.empty() && name.starts_with(join.hidden)) {
      continue;
    }
    const std::string host = below(join.folder, name);
    const std::string own = below(join.ours, name);
    const Kind kind = kind_of(own);
    if (kind == Kind::kNothing) {
      show_entry(mounter, host, below(to, name));
    } else if (kind == Kind::kFolder && kind_of(host) == Kind::kFolder) {
      mounter.folder(below(to, name));
      fill(mounter, {host, own}, below(to, name));
    }
  }
  for (const std::string& name : mounter.names_in(join.ours)) {
    if (kind_of(below(to, name)) == Kind::kNothing) {
      show_entry(mounter, below(join.ours, name), below(to, name));
    }
  }
}

// True when the folder contains mount points: an overlay shows its layers without their mounts.
bool holds_mounts(const std::string& folder) {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id;
    std::string parent;
    std::string device;
    std::string root;
    std::string at;
    words >> id >> parent >> device >> root >> at;
    if (at.starts_with(folder + "/")) {
      return true;
    }
  }
  return false;
}

// Escapes a path for the options of overlayfs, where a comma ends an option and a colon a layer.
std::string layer(const std::string& path) {
  std::string text;
  for (const char c : path) {
    if (c == ',' || c == ':' || c == '\\') {
      text += '\\';
    }
    text += c;
  }
  return text;
}

}  // namespace

void show_entry(Mounter& mounter, const std::string& from, const std::string& to) {
  struct stat info {};

  if (lstat(from.c_str(), &info) != 0) {
    return;
  }
  if (S_ISLNK(info.st_mode)) {
    char target[PATH_MAX];
    const ssize_t n = readlink(from.c_str(), target, sizeof target);
    if (n > 0) {
      mounter.link(to, std::string(target, static_cast<std::size_t>(n)));
    }
    return;
  }
  if (S_ISDIR(info.st_mode)) {
    mounter.folder(to);
  } else {
    mounter.file(to, "", 0600);
  }
  mounter.bind(from, to);
}

void join_folder(Mounter& mounter, const Join& join, const std::string& staged) {
  mounter.folder(staged);
  mounter.tmpfs(staged, "mode=0755");
  fill(mounter, join, staged);
  mounter.move(staged, join.folder);
}

bool overlay_folder(const Join& join) {
  if (holds_mounts(join.folder)) {
    return false;
  }
  const std::string options = "lowerdir=" + layer(join.ours) + ":" + layer(join.folder);
  return mount("migsim", join.folder.c_str(), "overlay", MS_NODEV, options.c_str()) == 0;
}

}  // namespace migsim
