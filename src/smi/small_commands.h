// SPDX-License-Identifier: Apache-2.0
// Sub-commands of nvidia-smi with little output: clocks, drain, gpm and vgpu; c2c and pci are in
// link_commands.cc, conf-compute in conf_compute.cc. Actions that change a machine or have no
// public NVML call are refused with a reference to NVIDIA's own tool.
#ifndef MIGCTL_SMI_SMALL_COMMANDS_H_
#define MIGCTL_SMI_SMALL_COMMANDS_H_

#include <string>
#include <vector>

#include "smi/options.h"
#include "smi/run.h"

namespace mig::smi {

Options parse_c2c(const std::vector<std::string>& words);
UsageError c2c_usage_error(const Options& options);
std::string c2c_help();
int run_c2c(const Run& run, const Options& options);

Options parse_clocks(const std::vector<std::string>& words);
UsageError clocks_usage_error(const Options& options);
std::string clocks_help();
int run_clocks(const Run& run, const Options& options);

Options parse_drain(const std::vector<std::string>& words);
UsageError drain_usage_error(const Options& options);
std::string drain_help();
int run_drain(const Run& run, const Options& options);

Options parse_gpm(const std::vector<std::string>& words);
UsageError gpm_usage_error(const Options& options);
std::string gpm_help();
int run_gpm(const Run& run, const Options& options);

Options parse_pci(const std::vector<std::string>& words);
UsageError pci_usage_error(const Options& options);
std::string pci_help();
int run_pci(const Run& run, const Options& options);

Options parse_vgpu(const std::vector<std::string>& words);
UsageError vgpu_usage_error(const Options& options);
std::string vgpu_help();
int run_vgpu(const Run& run, const Options& options);

// defined in conf_compute.cc
Options parse_conf_compute(const std::vector<std::string>& words);
UsageError conf_compute_usage_error(const Options& options);
std::string conf_compute_help();
int run_conf_compute(const Run& run, const Options& options);

// Common grammar of the small commands: help without words, and nvidia-smi's error texts.
Options parse_small(const std::vector<std::string>& words,
                    const std::vector<OptionSpec>& specs,
                    const char* help);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_SMALL_COMMANDS_H_
