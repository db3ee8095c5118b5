// SPDX-License-Identifier: Apache-2.0
#include "slurm/check.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "slurm/conf.h"
#include "slurm/controller.h"
#include "slurm/job_layout.h"
#include "slurm/node_files.h"

namespace mig::slurm {
namespace {

constexpr std::size_t kMostConfBytes = 1U << 20U;
constexpr const char* kAnew = "migctl slurm apply writes them anew and has Slurm follow";

void wrong(std::vector<Finding>& findings,
           std::string where,
           std::string what,
           std::string remedy = "") {
  findings.push_back({true, std::move(where), std::move(what), std::move(remedy)});
}

void note(std::vector<Finding>& findings,
          std::string where,
          std::string what,
          std::string remedy = "") {
  findings.push_back({false, std::move(where), std::move(what), std::move(remedy)});
}

bool lists(std::string_view list, std::string_view word) {
  for (const std::string& item : base::split(base::lower(list), ',')) {
    if (item == word) {
      return true;
    }
  }
  return false;
}

void check_nodes(const Files& machine, std::vector<Finding>& findings) {
  for (const Device& device : machine.devices) {
    for (const std::string& path : device.files) {
      struct stat info {};

      if (::stat(path.c_str(), &info) != 0) {
        wrong(
            findings,
            path,
            fmt::format("the device node of {} is not there: slurmd would not start", device.uuid),
            "nvidia-modprobe makes it; migctl doctor says more");
      } else if (!S_ISCHR(info.st_mode)) {
        wrong(findings,
              path,
              "this is no device node: Slurm keeps no job from it",
              "a simulated machine's nodes are plain files; --dev names a folder of others");
      }
    }
  }
}

void check_files(const Settings& settings, const Files& machine, std::vector<Finding>& findings) {
  const auto files = read_node_files(settings);
  if (!files) {
    wrong(findings, settings.slurm_conf, files.error().message, files.error().hint);
    return;
  }
  const auto line = node_line(files->conf, files->conf_path, settings.node);
  if (line) {
    const ConfPair* gres = line->find("gres");
    const std::string has = gres == nullptr ? "" : gpus_of(gres->value);
    if (has != machine.gres) {
      wrong(findings,
            fmt::format("{}:{}", files->conf_path, line->number),
            fmt::format("Gres of node {} is {}, and should be {}",
                        settings.node,
                        has.empty() ? "not there" : has,
                        machine.gres.empty() ? "left out" : machine.gres),
            kAnew);
    }
  }
  for (const ConfLine& foreign : foreign_lines(files->gres, settings.node)) {
    wrong(findings,
          fmt::format("{}:{}", files->gres_path, foreign.number),
          "a line about this node's GPUs that migctl did not write: Slurm counts both",
          "remove it");
  }
  const auto block = block_of(files->gres, files->gres_path, settings.node);
  const auto devices = block && *block ? devices_in(**block, files->gres_path)
                                       : Result<std::vector<Device>>(std::vector<Device>());
  if (!block || !devices) {
    const Error error = block ? devices.error() : block.error();
    wrong(findings, files->gres_path, error.message, error.hint);
    return;
  }
  for (std::string& difference : device_differences(*devices, machine.devices)) {
    wrong(findings, files->gres_path, std::move(difference), kAnew);
  }
}

void check_slurmd(const Controller& controller,
                  const Settings& settings,
                  const Files& machine,
                  std::vector<Finding>& findings) {
  const auto told = controller.slurmd_devices();
  if (!told) {
    note(findings, "slurmd -G", told.error().message, told.error().hint);
    return;
  }
  if (settings.autodetect && told->empty() && !machine.devices.empty()) {
    wrong(findings,
          "slurmd -G",
          "this slurmd finds no GPU by itself: it was built without NVML",
          "form: files in /etc/migctl/slurm.yaml");
    return;
  }
  std::size_t at = 0;
  for (const SlurmdDevice& device : *told) {
    for (std::uint32_t i = 0; i < std::max(device.count, 1U); ++i, ++at) {
      if (at >= machine.devices.size()) {
        continue;
      }
      const Device& ours = machine.devices[at];
      const bool type_fits = settings.autodetect
                                 ? device.type.find(ours.type) != std::string::npos ||
                                       ours.type.find(device.type) != std::string::npos
                                 : device.type == ours.type;
      if (!type_fits || (device.count <= 1 && device.files != ours.files)) {
        wrong(findings,
              "slurmd -G",
              fmt::format("device {} is {} ({}), and should be {} ({})",
                          at,
                          device.type,
                          base::join(device.files, ","),
                          ours.type,
                          base::join(ours.files, ",")),
              kAnew);
      }
    }
  }
  if (at != machine.devices.size()) {
    wrong(findings,
          "slurmd -G",
          fmt::format("slurmd reads {}, and there are {}",
                      base::counted(at, "device"),
                      machine.devices.size()),
          kAnew);
  }
}

void check_controller(const Controller& controller,
                      const Settings& settings,
                      const Files& machine,
                      std::vector<Finding>& findings) {
  const auto state = controller.state();
  const std::string where = "node " + settings.node;
  if (!state) {
    const bool unknown = state.error().code == ErrorCode::kNotFound;
    findings.push_back({unknown, where, state.error().message, state.error().hint});
    return;
  }
  const std::string reason = state->reason.empty() ? "" : ": " + base::printable(state->reason);
  if (!state->fits()) {
    wrong(
        findings,
        where,
        fmt::format("its state is {}{}", state->state, reason),
        "migctl slurm apply, or restart slurmctld, then slurmd, then scontrol update state=resume");
  } else if (state->has("DRAIN")) {
    note(findings, where, fmt::format("it is drained{}", reason));
  }
  if (gpus_of(state->gres) != machine.gres) {
    wrong(findings,
          where,
          fmt::format("slurmctld has Gres {}, and should have {}",
                      state->gres.empty() ? "none" : state->gres,
                      machine.gres.empty() ? "none" : machine.gres),
          kAnew);
  }
}

// Whether jobs can ask for a layout, where they may.
void check_features(const Settings& settings, std::vector<Finding>& findings) {
  const auto files = read_node_files(settings);
  if (settings.job_layouts.empty() || !files) {
    return;
  }
  const auto line = node_line(files->conf, files->conf_path, settings.node);
  const ConfPair* feature = line ? line->find("feature") : nullptr;
  feature = line && feature == nullptr ? line->find("features") : feature;
  const auto names = base::split(feature == nullptr ? "" : feature->value, ',');
  const bool any = std::any_of(
      names.begin(), names.end(), [](const std::string& name) { return name.starts_with("mig-"); });
  if (line && !any) {
    note(findings,
         fmt::format("{}:{}", files->conf_path, line->number),
         "the node has no feature mig-NAME: no job can ask for a layout of job_layouts",
         "Feature=mig-NAME on this line, for each config that jobs may have");
  }
}

}  // namespace

void check_conf(std::string_view text, const std::string& file, std::vector<Finding>& findings) {
  if (!lists(value_of(text, "grestypes"), "gpu")) {
    wrong(findings, file, "GresTypes has no gpu: Slurm ignores the node's GPUs", "GresTypes=gpu");
  }
  if (!lists(value_of(text, "taskplugin"), "task/cgroup")) {
    wrong(findings,
          file,
          "TaskPlugin has no task/cgroup: jobs are not kept on their instance",
          "TaskPlugin=task/cgroup,task/affinity");
  }
  const std::string select = value_of(text, "selecttype");
  if (!select.empty() && select != "select/cons_tres") {
    note(findings,
         file,
         fmt::format("SelectType is {}: --gpus and its relatives need another", select),
         "SelectType=select/cons_tres");
  }
  if (value_of(text, "taskprolog").empty()) {
    note(findings,
         file,
         "there is no TaskProlog: jobs get CUDA_VISIBLE_DEVICES=0, and no UUID of their instance",
         "TaskProlog=/usr/share/migctl/slurm/task-prolog");
  }
}

void check_cgroup(std::string_view text, const std::string& file, std::vector<Finding>& findings) {
  if (base::lower(value_of(text, "constraindevices")) != "yes") {
    wrong(findings,
          file,
          "ConstrainDevices is not yes: every job may open every instance's nodes",
          "ConstrainDevices=yes");
  }
}

Result<Check> check(const Settings& settings, node::Node& node, const Inventory& now) {
  MIG_ASSIGN_OR_RETURN(const Files machine, files_of_machine(settings, node, now));
  Check out;
  out.node = settings.node;
  out.devices = static_cast<std::uint32_t>(machine.devices.size());
  for (const std::string& warning : machine.warnings) {
    note(out.findings, "machine", warning);
  }
  check_nodes(machine, out.findings);
  MIG_ASSIGN_OR_RETURN(const auto job, job_with_layout(node));
  if (!job) {
    check_files(settings, machine, out.findings);
  }
  if (const auto conf = base::read_file(settings.slurm_conf, kMostConfBytes)) {
    check_conf(*conf, settings.slurm_conf, out.findings);
    check_features(settings, out.findings);
  }
  if (const auto cgroup = base::read_file(settings.cgroup_conf, kMostConfBytes)) {
    check_cgroup(*cgroup, settings.cgroup_conf, out.findings);
  } else {
    wrong(out.findings, settings.cgroup_conf, cgroup.error().message, "ConstrainDevices=yes in it");
  }
  if (job) {
    note(out.findings,
         "machine",
         fmt::format("job {} has a layout of its own: the node's comes back, and is compared, "
                     "when it ends",
                     *job),
         "where that job is over: migctl slurm recover");
    return out;
  }
  const Controller controller(settings);
  check_slurmd(controller, settings, machine, out.findings);
  check_controller(controller, settings, machine, out.findings);
  return out;
}

}  // namespace mig::slurm
