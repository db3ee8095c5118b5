// SPDX-License-Identifier: Apache-2.0
#include "slurm/node_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/file.h"
#include "slurm/conf.h"

namespace mig::slurm {
namespace {

constexpr std::size_t kMostFileBytes = 4U << 20U;
constexpr unsigned kPermissionBits = 07777;

unsigned mode_of(const std::string& path) {
  struct stat info {};

  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & kPermissionBits : 0644U;
}

std::string folder_of(const std::string& path) {
  return path.substr(0, path.rfind('/') + 1);
}

Result<void> one_writable(const std::string& path) {
  const std::string folder = folder_of(path);
  for (const std::string& place : {folder, path}) {
    if (::access(place.c_str(), W_OK) != 0 && !(place == path && errno == ENOENT)) {
      return Error{base::errno_error("write", path, errno)};
    }
  }
  return {};
}

// The file with the node's line: slurm.conf, else the first of its Include files that has it.
Result<void> find_conf(const Settings& settings, NodeFiles& files) {
  MIG_ASSIGN_OR_RETURN(files.conf, base::read_file(settings.slurm_conf, kMostFileBytes));
  files.conf_path = settings.slurm_conf;
  auto line = node_line(files.conf, files.conf_path, settings.node);
  if (line || line.error().code != ErrorCode::kNotFound) {
    MIG_TRY(line);
    return {};
  }
  for (const ConfLine& include : conf_lines(files.conf)) {
    const ConfPair* name = include.find("include");
    if (name == nullptr) {
      continue;
    }
    const std::string path =
        name->value.starts_with('/') ? name->value : folder_of(settings.slurm_conf) + name->value;
    const auto text = base::read_file(path, kMostFileBytes);
    auto inside = text ? node_line(*text, path, settings.node) : line;
    if (inside) {
      files.conf = *text;
      files.conf_path = path;
      return {};
    }
    if (inside.error().code != ErrorCode::kNotFound) {
      return std::move(inside).error();
    }
  }
  return std::move(line).error();
}

}  // namespace

Result<NodeFiles> read_node_files(const Settings& settings) {
  NodeFiles files;
  MIG_TRY(find_conf(settings, files));
  files.gres_path = settings.gres_conf;
  auto gres = base::read_file(files.gres_path, kMostFileBytes);
  if (!gres && gres.error().code != ErrorCode::kNotFound) {
    return std::move(gres).error();
  }
  files.gres_there = gres.has_value();
  files.gres = gres ? *std::move(gres) : "";
  return files;
}

Result<NodeFiles> fitted(const NodeFiles& now, const Files& machine) {
  if (const auto foreign = foreign_lines(now.gres, machine.node); !foreign.empty()) {
    return fail(ErrorCode::kConflict,
                fmt::format("{}:{}: a line about GPUs of {} that migctl did not write: Slurm would "
                            "count both",
                            now.gres_path,
                            foreign.front().number,
                            machine.node),
                "remove it, or give it the NodeName of another node; migctl writes its own lines");
  }
  NodeFiles next = now;
  MIG_ASSIGN_OR_RETURN(const ConfLine line, node_line(now.conf, now.conf_path, machine.node));
  next.conf = with_gres(now.conf, line, machine.gres);
  MIG_ASSIGN_OR_RETURN(next.gres,
                       with_block(now.gres, now.gres_path, machine.node, machine.gres_conf));
  next.gres_there = true;
  return next;
}

Result<void> writable(const NodeFiles& files) {
  MIG_TRY(one_writable(files.gres_path));
  return one_writable(files.conf_path);
}

Result<void> write_node_files(const NodeFiles& now, const NodeFiles& next) {
  if (now.gres_there && !next.gres_there) {
    if (::unlink(next.gres_path.c_str()) != 0 && errno != ENOENT) {
      return Error{base::errno_error("remove", next.gres_path, errno)};
    }
  } else if (now.gres != next.gres || now.gres_there != next.gres_there) {
    MIG_TRY(base::write_file_atomic(next.gres_path, next.gres, mode_of(next.gres_path)));
  }
  if (now.conf != next.conf) {
    MIG_TRY(base::write_file_atomic(next.conf_path, next.conf, mode_of(next.conf_path)));
  }
  return {};
}

}  // namespace mig::slurm
