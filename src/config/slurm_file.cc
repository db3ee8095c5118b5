// SPDX-License-Identifier: Apache-2.0
#include "config/slurm_file.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/document.h"
#include "config/tenant_fields.h"

namespace mig::config {
namespace {

constexpr std::size_t kMostWords = 64;
constexpr std::size_t kLongestWord = 4096;

Result<std::string> one_text(const Node& node, const std::string& what) {
  if (!node.is(Node::Kind::kScalar) || node.text.empty() || node.text.size() > kLongestWord) {
    return complaint(node.position,
                     fmt::format("{}: a text is expected, this is {}", what, node.described()));
  }
  return node.text;
}

// Slurm's own rule, and no character that would end the word in its files.
KeyReader node_name(std::string& target) {
  return [&target](const Node& node) -> Result<void> {
    MIG_ASSIGN_OR_RETURN(target, one_text(node, "node"));
    const bool plain = std::all_of(target.begin(), target.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
    });
    if (!plain || target.size() > 255) {
      return complaint(node.position,
                       fmt::format("node: {} is no name of one node", node.described()),
                       "the NodeName of this machine in slurm.conf, as gpu01");
    }
    return {};
  };
}

KeyReader absolute_path(std::string& target, const std::string& what) {
  return [&target, what](const Node& node) -> Result<void> {
    MIG_ASSIGN_OR_RETURN(target, one_text(node, what));
    if (!target.starts_with('/')) {
      return complaint(node.position,
                       fmt::format("{}: {} is no absolute path", what, node.described()),
                       "begin it with /");
    }
    return {};
  };
}

KeyReader one_of(std::string& target,
                 const std::string& what,
                 const std::vector<std::string>& words) {
  return [&target, what, words](const Node& node) -> Result<void> {
    MIG_ASSIGN_OR_RETURN(target, one_text(node, what));
    if (std::find(words.begin(), words.end(), target) == words.end()) {
      return complaint(
          node.position,
          fmt::format("{}: {} is none of {}", what, node.described(), base::join(words, ", ")));
    }
    return {};
  };
}

KeyReader argv_reader(std::vector<std::string>& target, const std::string& what) {
  return [&target, what](const Node& node) -> Result<void> {
    if (!node.is(Node::Kind::kSequence) || node.items.empty() || node.items.size() > kMostWords) {
      return complaint(node.position,
                       fmt::format("{}: a list of a program and its words is expected, this is {}",
                                   what,
                                   node.described()),
                       "[systemctl, restart, slurmd]; no shell reads it");
    }
    for (const Node& item : node.items) {
      MIG_ASSIGN_OR_RETURN(std::string text, one_text(item, what));
      target.push_back(std::move(text));
    }
    return {};
  };
}

}  // namespace

Result<SlurmFile> parse_slurm_file(std::string_view text, std::string_view file) {
  MIG_ASSIGN_OR_RETURN(const Node root, parse_document(text, file));
  if (root.is(Node::Kind::kNull)) {
    return complaint(SourcePosition{std::string(file), 1, 1},
                     "the settings of migctl slurm are empty",
                     "begin them with version: v1");
  }
  SlurmFile out;
  std::string version;
  const KeyReader version_reader = [&version](const Node& node) -> Result<void> {
    MIG_ASSIGN_OR_RETURN(version, one_text(node, "version"));
    return {};
  };
  const KeyReaders restart = {
      {"slurmctld", argv_reader(out.restart_slurmctld, "restart.slurmctld")},
      {"slurmd", argv_reader(out.restart_slurmd, "restart.slurmd")}};
  MIG_TRY(read_keys(
      root,
      "the settings of migctl slurm",
      {{"version", version_reader},
       {"node", node_name(out.node)},
       {"slurm_conf", absolute_path(out.slurm_conf, "slurm_conf")},
       {"gres_conf", absolute_path(out.gres_conf, "gres_conf")},
       {"cgroup_conf", absolute_path(out.cgroup_conf, "cgroup_conf")},
       {"dev", absolute_path(out.dev, "dev")},
       {"hpc_jobs", absolute_path(out.hpc_jobs, "hpc_jobs")},
       {"job_layouts", absolute_path(out.job_layouts, "job_layouts")},
       {"job_state", absolute_path(out.job_state, "job_state")},
       {"types", one_of(out.types, "types", {"profile", "nvml"})},
       {"form", one_of(out.form, "form", {"files", "autodetect"})},
       {"lease", one_of(out.lease, "lease", {"try", "require", "off"})},
       {"lease_time", time_reader(out.lease_time_ms, "lease_time", "")},
       {"drain", time_reader(out.drain_ms, "drain", "")},
       {"settle", time_reader(out.settle_ms, "settle", "")},
       {"restart", [&restart](const Node& node) { return read_keys(node, "restart", restart); }}}));
  if (version != "v1") {
    return complaint(root.position,
                     version.empty() ? "the settings of migctl slurm have no version"
                                     : fmt::format("unknown version: {}", version),
                     "begin them with version: v1");
  }
  return out;
}

}  // namespace mig::config
