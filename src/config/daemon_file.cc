// SPDX-License-Identifier: Apache-2.0
#include "config/daemon_file.h"

#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/document.h"
#include "config/tenant_fields.h"

namespace mig::config {
namespace {

constexpr std::size_t kMostListeners = 16;
constexpr std::size_t kLongestText = 4096;

Result<std::string> text_of(const Node& node, const std::string& what) {
  if (!node.is(Node::Kind::kScalar) || node.text.empty() || node.text.size() > kLongestText) {
    return complaint(node.position,
                     fmt::format("{}: a text is expected, this is {}", what, node.described()));
  }
  return node.text;
}

KeyReader text_reader(std::string& target, const std::string& what) {
  return [&target, what](const Node& node) -> Result<void> {
    MIG_ASSIGN_OR_RETURN(target, text_of(node, what));
    return {};
  };
}

// A path: absolute, since a daemon's working folder is nobody's choice.
KeyReader path_reader(std::string& target, const std::string& what) {
  return [&target, what](const Node& node) -> Result<void> {
    MIG_ASSIGN_OR_RETURN(target, text_of(node, what));
    if (!target.starts_with('/')) {
      return complaint(node.position,
                       fmt::format("{}: {} is no absolute path", what, node.described()),
                       "begin it with /");
    }
    return {};
  };
}

KeyReader list_reader(std::vector<std::string>& target, const std::string& what) {
  return [&target, what](const Node& node) -> Result<void> {
    if (!node.is(Node::Kind::kSequence) || node.items.size() > kMostListeners) {
      return complaint(node.position,
                       fmt::format("{}: a list of at most {} texts is expected, this is {}",
                                   what,
                                   kMostListeners,
                                   node.described()));
    }
    for (const Node& item : node.items) {
      MIG_ASSIGN_OR_RETURN(std::string text, text_of(item, what));
      target.push_back(std::move(text));
    }
    return {};
  };
}

KeyReader word_reader(std::string& target,
                      const std::string& what,
                      const std::vector<std::string>& words) {
  return [&target, what, words](const Node& node) -> Result<void> {
    MIG_ASSIGN_OR_RETURN(target, text_of(node, what));
    for (const std::string& word : words) {
      if (target == word) {
        return {};
      }
    }
    return complaint(
        node.position,
        fmt::format("{}: {} is none of {}", what, node.described(), base::join(words, ", ")));
  };
}

// "off", or a time.
KeyReader sample_reader(DaemonFile& target) {
  return [&target](const Node& node) -> Result<void> {
    target.sample_off = node.is(Node::Kind::kScalar) && node.text == "off";
    if (target.sample_off) {
      return {};
    }
    MIG_TRY(time_reader(target.sample_ms, "sample", "")(node));
    if (target.sample_ms.value_or(0) < kShortestSampleMs ||
        target.sample_ms.value_or(0) > kLongestSampleMs) {
      return complaint(node.position,
                       fmt::format("sample: {} is not from 100ms to 60s", node.described()),
                       "write 1s, 200ms, or off");
    }
    return {};
  };
}

}  // namespace

Result<DaemonFile> parse_daemon_file(std::string_view text, std::string_view file) {
  MIG_ASSIGN_OR_RETURN(const Node root, parse_document(text, file));
  if (root.is(Node::Kind::kNull)) {
    return complaint(SourcePosition{std::string(file), 1, 1},
                     "the configuration of migd is empty",
                     "begin it with version: v1");
  }
  DaemonFile out;
  std::string version;
  const KeyReaders tls = {{"certificate", path_reader(out.tls_certificate, "tls.certificate")},
                          {"key", path_reader(out.tls_key, "tls.key")}};
  MIG_TRY(read_keys(
      root,
      "the configuration of migd",
      {{"version", text_reader(version, "version")},
       {"socket", path_reader(out.socket, "socket")},
       {"tenants", path_reader(out.tenants, "tenants")},
       {"guard_nodes", word_reader(out.guard_nodes, "guard_nodes", {"auto", "on", "off"})},
       {"listen", list_reader(out.listen, "listen")},
       {"hosts", list_reader(out.hosts, "hosts")},
       {"tls", [&tls](const Node& node) { return read_keys(node, "tls", tls); }},
       {"tokens", path_reader(out.tokens, "tokens")},
       {"sample", sample_reader(out)},
       {"dcgm", word_reader(out.dcgm, "dcgm", {"off", "legacy", "4.9"})},
       {"dcgm_activity",
        word_reader(out.dcgm_activity, "dcgm_activity", {"off", "auto", "require"})},
       {"dcgm_engine", text_reader(out.dcgm_engine, "dcgm_engine")},
       {"hpc_jobs", path_reader(out.hpc_jobs, "hpc_jobs")},
       {"keep_open", time_reader(out.keep_open_ms, "keep_open", "never")}}));
  if (version != "v1") {
    return complaint(root.position,
                     version.empty() ? "the configuration of migd has no version"
                                     : fmt::format("unknown version: {}", version),
                     "begin it with version: v1");
  }
  return out;
}

}  // namespace mig::config
