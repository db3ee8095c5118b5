// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/settings.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "base/strings.h"
#include "kubernetes/main/options.h"
#include "kubernetes/objects/allocation.h"

namespace mig::kube {
namespace {

constexpr std::size_t kMostName = 253;
constexpr std::uint64_t kHighestXid = 9999;  // NVIDIA's list ends below 200

Result<void> usage(std::string message, std::string hint = "mig-kubelet --help") {
  return fail(ErrorCode::kUsage, std::move(message), std::move(hint));
}

bool object_name(std::string_view text) {
  return !text.empty() && text.size() <= kMostName &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

// "94,119".
Result<std::set<std::uint64_t>> parse_xids(const std::string& text) {
  std::set<std::uint64_t> xids;
  for (const std::string& word : base::split(text, ',')) {
    const auto xid = base::parse_decimal(word, kHighestXid);
    if (!xid) {
      return fail(
          ErrorCode::kUsage,
          fmt::format("--ignore-xids takes numbers of Xids as 94,119, not {}", base::quoted(word)),
          "mig-kubelet --help");
    }
    xids.insert(*xid);
  }
  return xids;
}

Result<void> check_value(const OptionRow& row, const std::string& value) {
  if (row.value == "PATH") {
    if (!value.empty() && value.front() != '/') {
      return usage(fmt::format("{} takes an absolute path, not {}", row.name, base::quoted(value)));
    }
    return {};
  }
  if (row.value == "XIDS") {
    return {};  // parse_xids()
  }
  if (row.value.find('|') == std::string::npos) {
    if (!value.empty() && !object_name(value)) {
      return usage(fmt::format(
          "{} takes the name of a Kubernetes object, not {}", row.name, base::quoted(value)));
    }
    return {};
  }
  const auto words = base::split(row.value, '|');
  if (std::find(words.begin(), words.end(), value) == words.end()) {
    return usage(
        fmt::format("{} takes {}, not {}", row.name, base::join(words, ", "), base::quoted(value)));
  }
  return {};
}

Result<void> complete(Settings& settings) {
  for (const auto& row : option_table()) {
    MIG_TRY(check_value(row, settings.*row.text));
  }
  if (!settings.ignore_xids.empty()) {
    MIG_ASSIGN_OR_RETURN(settings.ignored_xids, parse_xids(settings.ignore_xids));
  }
  const auto below = [&](std::string& path, const std::string& name) {
    if (path.empty()) {
      path = settings.kubelet_dir + name;
    }
  };
  below(settings.plugins_dir, "/plugins");
  below(settings.registry_dir, "/plugins_registry");
  below(settings.device_dir, "/device-plugins");
  below(settings.pod_resources, "/pod-resources/kubelet.sock");
  if (settings.verb == Settings::Verb::kServe && settings.node_name.empty()) {
    return usage("which node is this? Neither --node-name nor NODE_NAME says it",
                 "in a pod: env NODE_NAME from the field spec.nodeName");
  }
  return {};
}

}  // namespace

Result<Settings> parse_settings(const std::vector<std::string>& args, const Environment& get) {
  Settings settings;
  std::string log_format = "text";
  std::string node_config = "on";
  bool help = false;
  bool version = false;
  try {
    CLI::App app;
    app.set_help_flag();
    for (const auto& row : option_table()) {
      if (std::string value = row.env.empty() ? "" : get(row.env); !value.empty()) {
        settings.*row.text = std::move(value);
      }
      app.add_option(row.name, settings.*row.text);
    }
    app.add_option("--log-format", log_format)->check(CLI::IsMember({"text", "json"}));
    app.add_option("--node-config", node_config)->check(CLI::IsMember({"on", "off"}));
    app.add_flag("--help,-h", help);
    app.add_flag("--version", version);
    CLI::App* check = app.add_subcommand("check");
    check->set_help_flag();
    check->fallthrough();
    check->add_flag("--ready", settings.ready);
    std::vector<std::string> words(args.rbegin(), args.rend());
    app.parse(words);
    if (check->parsed()) {
      settings.verb = Settings::Verb::kCheck;
    }
  } catch (const CLI::Error& error) {
    return fail(ErrorCode::kUsage, base::printable(error.what()), "mig-kubelet --help");
  }
  if (help || version) {
    settings.verb = help ? Settings::Verb::kHelp : Settings::Verb::kVersion;
    return settings;
  }
  settings.json_log = log_format == "json";
  settings.node_config = node_config == "on";
  MIG_TRY(complete(settings));
  return settings;
}

}  // namespace mig::kube
