// SPDX-License-Identifier: Apache-2.0
#include "config/hooks.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/document.h"

namespace mig::config {
namespace {

using Kind = Node::Kind;

Error unknown_field(const Node& key,
                    std::string_view where,
                    const std::vector<std::string>& known) {
  const auto near = base::nearest(key.text, known, 1);
  return complaint(key.position,
                   fmt::format("unexpected field {} in {}", base::quoted(key.text), where),
                   near.empty() ? fmt::format("known: {}", base::join(known, ", "))
                                : fmt::format("did you mean \"{}\"?", near[0]));
}

// True for texts that YAML readers convert to another type: mig-parted refuses them where a text is
// expected.
bool looks_typed(const std::string& text) {
  static const std::vector<std::string> kWords = {
      "", "~", "null", "y", "yes", "n", "no", "on", "off", "true", "false"};
  const bool number = text.find_first_not_of("0123456789+-._eExXoO") == std::string::npos &&
                      text.find_first_of("0123456789") != std::string::npos;
  return number || std::find(kWords.begin(), kWords.end(), base::lower(text)) != kWords.end();
}

Result<std::string> read_text(const Node& node, std::string_view what) {
  if (!node.is(Kind::kScalar) || (!node.quoted && looks_typed(node.text))) {
    return complaint(node.position,
                     fmt::format("{} is a text, not {}", what, node.described()),
                     node.is(Kind::kScalar) ? "write it in quotes" : "");
  }
  if (node.text.find('\0') != std::string::npos) {
    return complaint(node.position, fmt::format("{} holds a NUL byte", what));
  }
  return node.text;
}

Result<std::vector<std::string>> read_args(const Node& node) {
  std::vector<std::string> args;
  if (node.is(Kind::kNull)) {
    return args;
  }
  if (!node.is(Kind::kSequence)) {
    return complaint(node.position,
                     fmt::format("args is a list, not {}", node.described()),
                     "write [\"-c\", \"...\"]; nothing is split at blanks");
  }
  for (const Node& item : node.items) {
    MIG_ASSIGN_OR_RETURN(std::string arg, read_text(item, "an element of args"));
    args.push_back(std::move(arg));
  }
  return args;
}

Result<std::map<std::string, std::string>> read_envs(const Node& node) {
  std::map<std::string, std::string> envs;
  if (node.is(Kind::kNull)) {
    return envs;
  }
  if (!node.is(Kind::kMap)) {
    return complaint(node.position,
                     fmt::format("envs is names with values, not {}", node.described()));
  }
  for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const Node& key = node.items[i];
    if (key.text.empty() || key.text.find('=') != std::string::npos) {
      return complaint(key.position,
                       fmt::format("{} is no name of a variable", base::quoted(key.text)));
    }
    MIG_ASSIGN_OR_RETURN(envs[key.text],
                         read_text(node.items[i + 1], fmt::format("variable {}", key.text)));
  }
  return envs;
}

Result<HookCommand> read_hook(const Node& node, const std::string& list) {
  if (!node.is(Kind::kMap)) {
    return complaint(
        node.position, fmt::format("a hook of {} is {}", list, node.described()), "command: ...");
  }
  HookCommand hook;
  for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const std::string& key = node.items[i].text;
    const Node& value = node.items[i + 1];
    if (key == "command") {
      MIG_ASSIGN_OR_RETURN(hook.command, read_text(value, "command"));
    } else if (key == "args") {
      MIG_ASSIGN_OR_RETURN(hook.args, read_args(value));
    } else if (key == "envs") {
      MIG_ASSIGN_OR_RETURN(hook.envs, read_envs(value));
    } else if (key == "workdir") {
      MIG_ASSIGN_OR_RETURN(hook.workdir, read_text(value, "workdir"));
    } else {
      return unknown_field(node.items[i], "a hook", {"command", "args", "envs", "workdir"});
    }
  }
  if (hook.command.empty()) {
    return complaint(node.position, fmt::format("a hook of {} has no command", list));
  }
  return hook;
}

Result<HookList> read_list(const Node& node, const std::string& name) {
  HookList list;
  if (node.is(Kind::kNull)) {
    return list;
  }
  if (!node.is(Kind::kSequence)) {
    return complaint(node.position,
                     fmt::format("{} is a list of hooks, not {}", name, node.described()),
                     "begin each hook with \"- command:\"");
  }
  for (const Node& item : node.items) {
    MIG_ASSIGN_OR_RETURN(HookCommand hook, read_hook(item, name));
    list.push_back(std::move(hook));
  }
  return list;
}

Result<Hooks> read_hooks(const Node& node) {
  Hooks hooks;
  if (node.is(Kind::kNull)) {
    return hooks;
  }
  if (!node.is(Kind::kMap)) {
    return complaint(node.position, fmt::format("hooks is {}", node.described()));
  }
  const std::vector<std::pair<std::string, HookList*>> lists = {
      {"apply-start", &hooks.apply_start},
      {"pre-apply-mode", &hooks.pre_apply_mode},
      {"pre-apply-config", &hooks.pre_apply_config},
      {"apply-exit", &hooks.apply_exit}};
  for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const auto list = std::find_if(lists.begin(), lists.end(), [&](const auto& row) {
      return row.first == node.items[i].text;
    });
    if (list == lists.end()) {
      return unknown_field(
          node.items[i], "hooks", {lists[0].first, lists[1].first, lists[2].first, lists[3].first});
    }
    MIG_ASSIGN_OR_RETURN(*list->second, read_list(node.items[i + 1], list->first));
  }
  return hooks;
}

}  // namespace

Result<Hooks> parse_hooks(std::string_view text, std::string_view file) {
  MIG_ASSIGN_OR_RETURN(const Node root, parse_document(text, file));
  if (!root.is(Kind::kMap)) {
    return complaint(
        root.position,
        fmt::format("a hooks file begins with version and hooks; this is {}", root.described()));
  }
  Hooks hooks;
  bool versioned = false;
  for (std::size_t i = 0; i + 1 < root.items.size(); i += 2) {
    const Node& value = root.items[i + 1];
    if (root.items[i].text == "version") {
      if (!value.is(Kind::kScalar) || value.text != "v1") {
        return complaint(value.position,
                         fmt::format("unknown version: {}", value.described()),
                         "this migctl knows v1");
      }
      versioned = true;
    } else if (root.items[i].text == "hooks") {
      MIG_ASSIGN_OR_RETURN(hooks, read_hooks(value));
    } else {
      return unknown_field(root.items[i], "the hooks file", {"version", "hooks"});
    }
  }
  if (!versioned) {
    return complaint(root.position, "the hooks file has no version", "begin it with version: v1");
  }
  return hooks;
}

}  // namespace mig::config
