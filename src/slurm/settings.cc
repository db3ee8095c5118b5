// SPDX-License-Identifier: Apache-2.0
#include "slurm/settings.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/own_path.h"
#include "config/slurm_file.h"
#include "launch/confine.h"
#include "slurm/program.h"

namespace mig::slurm {
namespace {

constexpr const char* kUsualFile = "/etc/migctl/slurm.yaml";
constexpr const char* kUsualConf = "/etc/slurm/slurm.conf";
constexpr const char* kUsualJobState = "/run/migctl/slurm";
constexpr std::size_t kMostSettingsBytes = 64U << 10U;

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read at start
  return value == nullptr ? "" : value;
}

Result<config::SlurmFile> read_file_of(const std::string& chosen) {
  const std::string file = chosen.empty() ? kUsualFile : chosen;
  if (::access(file.c_str(), F_OK) != 0) {
    if (chosen.empty()) {
      return config::SlurmFile();
    }
    return fail(ErrorCode::kNotFound, fmt::format("there is no settings file {}", file));
  }
  MIG_TRY(base::only_trusted_write(file));
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(file, kMostSettingsBytes));
  return config::parse_slurm_file(text, file);
}

// As slurmd does: the host's name up to the first dot.
std::string short_host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) {
    return "localhost";
  }
  const std::string whole = name.data();
  return whole.substr(0, whole.find('.'));
}

std::string first_of(std::string said, std::string file, std::string usual) {
  return !said.empty() ? std::move(said) : !file.empty() ? std::move(file) : std::move(usual);
}

template <class Word>
void keep(Word& target, Word said) {
  if (!said.empty()) {
    target = std::move(said);
  }
}

void keep(std::chrono::milliseconds& target, std::optional<std::int64_t> said) {
  target = said ? std::chrono::milliseconds(*said) : target;
}

}  // namespace

Result<Settings> read_settings(const Said& said) {
  MIG_ASSIGN_OR_RETURN(config::SlurmFile file, read_file_of(said.config));
  Settings out;
  const std::string of_slurmd = variable("SLURMD_NODENAME");
  out.node = first_of(said.node, file.node, of_slurmd.empty() ? short_host_name() : of_slurmd);
  const std::string named = variable("SLURM_CONF");
  out.slurm_conf = first_of(said.slurm_conf, file.slurm_conf, named.empty() ? kUsualConf : named);
  const std::string folder = out.slurm_conf.substr(0, out.slurm_conf.rfind('/') + 1);
  out.gres_conf = first_of(said.gres_conf, file.gres_conf, folder + "gres.conf");
  out.cgroup_conf = first_of("", file.cgroup_conf, folder + "cgroup.conf");
  out.dev = first_of(said.dev, file.dev, "");
  out.hpc_jobs = file.hpc_jobs;
  out.job_layouts = file.job_layouts;
  out.job_state = first_of("", file.job_state, kUsualJobState);
  out.autodetect = file.form == "autodetect";
  out.nvml_types = out.autodetect || file.types == "nvml";
  out.lease = file.lease.empty() ? "try" : file.lease;
  keep(out.lease_time, file.lease_time_ms);
  keep(out.drain, file.drain_ms);
  keep(out.settle, file.settle_ms);
  keep(out.restart_slurmctld, std::move(file.restart_slurmctld));
  keep(out.restart_slurmd, std::move(file.restart_slurmd));
  return out;
}

Naming naming_of(const Settings& settings, const node::Node& node) {
  Naming naming;
  naming.node = settings.node;
  naming.nvml_types = settings.nvml_types;
  naming.autodetect = settings.autodetect;
  naming.dev = settings.dev.empty() ? node.holder_roots().dev : settings.dev;
  // Without slurmd here the files are for a Slurm elsewhere: a present one.
  if (const auto told = run_program({"slurmd", "-V"}, settings, {}); told && told->exit_code == 0) {
    naming.version = parse_version(told->last_line()).value_or(naming.version);
  }
  return naming;
}

Result<Files> files_of_machine(const Settings& settings, node::Node& node, const Inventory& now) {
  const holders::Roots roots = node.holder_roots();
  const launch::DeviceRoots devices{roots.dev, roots.driver_proc};
  return files_of(now,
                  naming_of(settings, node),
                  [&devices](std::uint32_t minor,
                             GpuInstanceId gi,
                             ComputeInstanceId ci) -> Result<std::pair<std::string, std::string>> {
                    MIG_ASSIGN_OR_RETURN(const launch::CapabilityNodes nodes,
                                         launch::capability_nodes(devices, minor, gi, ci));
                    return std::pair(nodes.gi, nodes.ci);
                  });
}

}  // namespace mig::slurm
