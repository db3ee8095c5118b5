// SPDX-License-Identifier: Apache-2.0
// The words of mig-kubelet's command line. Threading: pure functions of words and environment.
#ifndef MIGCTL_KUBERNETES_MAIN_SETTINGS_H_
#define MIGCTL_KUBERNETES_MAIN_SETTINGS_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "mig/result.h"

namespace mig::kube {

struct Settings {
  // As told, and completed where the words say nothing.
  std::string node_name;
  std::string kubeconfig;  // "" = of the pod
  std::string migd_socket = "/run/migctl/migd.sock";
  std::string kubelet_dir = "/var/lib/kubelet";
  std::string plugins_dir;    // "" = below kubelet_dir
  std::string registry_dir;   // "" = below kubelet_dir
  std::string device_dir;     // "" = below kubelet_dir
  std::string pod_resources;  // "" = below kubelet_dir
  std::string state_dir = "/var/lib/mig-kubelet";
  std::string mode = "auto";              // "dra", "device-plugin", "auto"
  std::string offer = "placements";       // "placements", "existing"
  std::string mig_strategy = "mixed";     // of the device plugin
  std::string device_list = "cdi-cri";    // "cdi-cri", "envvar"
  std::string xid_effect = "NoSchedule";  // of taints by Xids; "NoExecute"
  std::string ignore_xids;                // as told, for example "94,119"
  std::set<std::uint64_t> ignored_xids;   // what that says
  std::string name_space = "migctl";
  std::string config_map = "mig-layouts";
  bool node_config = true;
  bool json_log = false;

  // What the program does.
  enum class Verb { kServe, kCheck, kHelp, kVersion };
  Verb verb = Verb::kServe;
  bool ready = false;  // check: also whether it is ready
};

using Environment = std::function<std::string(const std::string& name)>;  // "" = not set

// `args` without argv[0]. kUsage says what is wrong with which word.
Result<Settings> parse_settings(const std::vector<std::string>& args, const Environment& get);

std::string help_text();
std::string version_text();

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_MAIN_SETTINGS_H_
