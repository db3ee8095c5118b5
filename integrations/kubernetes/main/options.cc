// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/options.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"

namespace mig::kube {
namespace {

constexpr std::size_t kWidth = 79;
constexpr std::size_t kColumn = 28;

std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  for (const auto& word : base::split(text, ' ')) {
    if (!out.empty() && column + 1 + word.size() > kWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!out.empty()) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string line(const std::string& left, const std::string& help) {
  std::string out = "  " + left;
  out += left.size() + 2 > kColumn - 2 ? "\n" + std::string(kColumn, ' ')
                                       : std::string(kColumn - 2 - left.size(), ' ');
  return out + wrapped(help, kColumn) + "\n";
}

// What it does.
std::vector<OptionRow> rows_of_work() {
  return {
      {"--node-name", "NAME", "this node's name in the cluster", "NODE_NAME", &Settings::node_name},
      {"--kubeconfig",
       "PATH",
       "how to reach the API server (default: the pod's service account)",
       "KUBECONFIG",
       &Settings::kubeconfig},
      {"--mode",
       "dra|device-plugin|auto",
       "the interface to the kubelet: dynamic resource allocation, the older device plugin, or "
       "(auto, the default) the first where the API server has resource.k8s.io/v1. Never both: "
       "they would offer the same instances",
       "",
       &Settings::mode},
      {"--offer",
       "placements|existing",
       "dra: every placement that can be had, made when a pod needs it (the default), or the "
       "instances that exist only, as in clusters of more than about 100 such nodes",
       "",
       &Settings::offer},
      {"--mig-strategy",
       "none|single|mixed",
       "device plugin: names of resources, as NVIDIA's plugin has them (default: mixed)",
       "MIG_STRATEGY",
       &Settings::mig_strategy},
      {"--device-list",
       "cdi-cri|envvar",
       "device plugin: how a container gets its devices; envvar for kubelets before 1.28 "
       "(default: cdi-cri)",
       "",
       &Settings::device_list},
      {"--xid-effect",
       "NoSchedule|NoExecute",
       "dra: what the taint of an Xid does: nothing new is placed on the devices that it concerns "
       "(the default), or pods that have them are evicted too",
       "",
       &Settings::xid_effect},
      {"--ignore-xids",
       "XIDS",
       "Xids that never make a device unhealthy, as 94,119; those of programs (13, 31, 43, ...) "
       "do not anyway",
       "",
       &Settings::ignore_xids},
      {"--namespace",
       "NAME",
       "namespace of the ConfigMap (default: migctl)",
       "POD_NAMESPACE",
       &Settings::name_space},
      {"--config-map",
       "NAME",
       "layouts that the label nvidia.com/mig.config may name (default: mig-layouts)",
       "",
       &Settings::config_map},
  };
}

// Where everything is.
std::vector<OptionRow> rows_of_places() {
  return {
      {"--migd-socket",
       "PATH",
       "of migd (default: /run/migctl/migd.sock)",
       "",
       &Settings::migd_socket},
      {"--kubelet-dir",
       "PATH",
       "the kubelet's folder (default: /var/lib/kubelet); the next ones are below it",
       "",
       &Settings::kubelet_dir},
      {"--plugins-dir", "PATH", "(default: plugins)", "", &Settings::plugins_dir},
      {"--registry-dir", "PATH", "(default: plugins_registry)", "", &Settings::registry_dir},
      {"--device-plugins-dir", "PATH", "(default: device-plugins)", "", &Settings::device_dir},
      {"--pod-resources",
       "PATH",
       "socket that tells which pod has which device (default: pod-resources/kubelet.sock)",
       "",
       &Settings::pod_resources},
      {"--state-dir",
       "PATH",
       "checkpoint and the socket of check (default: /var/lib/mig-kubelet)",
       "",
       &Settings::state_dir},
  };
}

}  // namespace

const std::vector<OptionRow>& option_table() {
  static const std::vector<OptionRow> kTable = [] {
    std::vector<OptionRow> rows = rows_of_work();
    std::vector<OptionRow> places = rows_of_places();
    std::move(places.begin(), places.end(), std::back_inserter(rows));
    return rows;
  }();
  return kTable;
}

std::string version_text() {
  return "mig-kubelet " MIG_VERSION "\n";
}

std::string help_text() {
  std::string out =
      "mig-kubelet offers a node's MIG instances to Kubernetes and makes them when a\n"
      "pod needs them. It is a client of migd, which changes the GPU; it opens no\n"
      "driver.\n\n"
      "Usage: mig-kubelet [options]\n"
      "       mig-kubelet check [--ready] [--state-dir PATH]\n\n"
      "Serves the kubelet until SIGTERM, and may be killed and started again at any\n"
      "time: pods that run are not affected. check asks the one that runs here: exit\n"
      "code 0 when it answers, with --ready when the kubelet can use it.\n\n"
      "Options\n";
  for (const auto& row : option_table()) {
    out += line(row.name + " " + row.value,
                row.env.empty() ? row.help : fmt::format("{} [${}]", row.help, row.env));
  }
  out += line("--node-config on|off",
              "change the layout as the node's label nvidia.com/mig.config says (default: on)");
  out += line("--log-format text|json", "lines on standard error (default: text)");
  out += line("--version", "print the version");
  out += line("--help", "print this");
  out +=
      "\nExit codes (docs/reference/errors.md has all):\n"
      "  0  done, or ended by SIGTERM\n"
      "  1  usage: the arguments are wrong\n";
  for (const ErrorCode code : {ErrorCode::kInvalidInput,
                               ErrorCode::kPermission,
                               ErrorCode::kConflict,
                               ErrorCode::kNotFound,
                               ErrorCode::kIo}) {
    const ErrorInfo& info = error_info(code);
    out += fmt::format("{:>3}  {}: {}\n", info.exit_code, info.name, info.meaning);
  }
  return out;
}

}  // namespace mig::kube
