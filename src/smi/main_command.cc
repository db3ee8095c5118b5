// SPDX-License-Identifier: Apache-2.0
#include "smi/main_command.h"

#include <chrono>
#include <thread>

#include "base/strings.h"
#include "smi/detail.h"
#include "smi/list_gpus.h"
#include "smi/modes.h"
#include "smi/query.h"
#include "smi/select.h"
#include "smi/settings.h"
#include "smi/summary.h"
#include "smi/text.h"
#include "smi/xml.h"

namespace mig::smi {
namespace {

int list_excluded(const Run& run) {
  unsigned count = 0;
  if (const nvmlReturn_t code = run.nvml.nvmlGetExcludedDeviceCount(&count); code != NVML_SUCCESS) {
    run.print(text("Failed to list excluded devices: %s\n", run.why(code).c_str()));
    return exit_code(code);
  }
  if (count == 0) {
    run.print("No excluded devices found.\n");
  }
  for (unsigned i = 0; i < count; ++i) {
    nvmlExcludedDeviceInfo_t info{};
    if (run.nvml.nvmlGetExcludedDeviceInfoByIndex(i, &info) == NVML_SUCCESS) {
      run.print(text("GPU %u: (UUID: %s) (Bus-Id: %s)\n", i, info.uuid, info.pciInfo.busId));
    }
  }
  return 0;
}

int show_query(const Run& run, const Options& options, const std::vector<Gpu>& gpus) {
  const Dtd dtd = options.has("--dtd") ? Dtd::kEmbedded : Dtd::kNamed;
  if (options.has("-x")) {
    return show_xml(run, gpus, dtd);
  }
  const std::string sections = options.get("-d");
  return show_detail(run, gpus, options.has("-d") ? &sections : nullptr);
}

int run_once(const Run& run, const Options& options, const std::vector<Gpu>& gpus, bool again) {
  if (options.has("-L")) {
    return list_gpus(run, gpus);
  }
  if (options.has("-q")) {
    return show_query(run, options, gpus);
  }
  if (options.has("-mig")) {
    return set_mig_mode(run, gpus, *parse_switch(options.get("-mig")));
  }
  if (options.has("-pm")) {
    return set_persistence_mode(run, gpus, *parse_switch(options.get("-pm")));
  }
  if (options.has("-r")) {
    return reset_gpus(run, gpus);
  }
  if (chosen_setting(options) != nullptr) {
    return run_setting(run, options, gpus);
  }
  std::string error;
  CsvFormat format = parse_csv_format(options.get("--format"), &error);
  format.header = format.header && !again;
  if (options.has("--query-gpu")) {
    return query_gpus(run, gpus, pick_fields(options.get("--query-gpu"), &error), format);
  }
  if (const ListQuery* query = asked_query(options)) {
    return run_list_query(run, gpus, *query, options.get(query->option), format);
  }
  return show_summary(run, gpus);
}

// No machine with MIG has S-class units, so every unit index is invalid.
int run_units(const Run& run, const Options& options) {
  if (options.has("-i")) {
    run.print(text("Specified unit index %s is not valid\n", options.get("-i").c_str()));
    return kExitUsage;
  }
  return show_units(run, options.has("-x"), options.has("--dtd") ? Dtd::kEmbedded : Dtd::kNamed);
}

}  // namespace

std::string main_help() {
  const std::string help =
      R"(nvidia-smi's MIG dialect of migctl, on the real driver or a simulated machine.

nvidia-smi [OPTION1 [ARG1]] [OPTION2 [ARG2]] ...

    -h,   --help                  this text
          --version               versions of tool, NVML, driver and CUDA
    (none)                        summary of GPUs, MIG devices and processes
    -L,   --list-gpus             GPUs and MIG devices with UUIDs
    -B,   --list-excluded-gpus    GPUs that the driver leaves alone

    -q,   --query                 everything known (also -a)
    -d,   --display=A,B           with -q: only these sections, with samples where there are some
    -x,   --xml-format            with -q: as XML
          --dtd                   with -q -x: with its definition inside; alone: the definition
    -u,   --unit                  with -q or --dtd: of units instead of GPUs

          --query-gpu=A,B         properties of GPUs
          --query-compute-apps=A  processes that compute
          --query-accounted-apps=A  processes that accounting counted
          --query-retired-pages=A   pages of memory taken out of use
          --query-remapped-rows=A   rows of memory replaced by spare ones
          --query-supported-clocks=A  pairs of clocks that applications can be given
          --help-query-...        the names that one of them knows
          --format=csv[,noheader][,nounits]

    -mig, --multi-instance-gpu=   MIG mode: 0/DISABLED, 1/ENABLED (root)
    -pm,  --persistence-mode=     0/DISABLED, 1/ENABLED (root)
    -r,   --gpu-reset             reset (simulated machines; a real GPU needs NVIDIA's own tool)

    -i,   --id=                   only these GPUs: index, UUID, PCI bus id; comma-separated
    -f,   --filename=             into this file instead of to the terminal
    -l,   --loop=                 repeat every so many seconds
    -lms, --loop-ms=              repeat every so many milliseconds

    mig                           GPU and compute instances: "nvidia-smi mig -h"
    dmon, pmon                    GPUs, processes in scrolling form: "nvidia-smi dmon -h"
    topo, nvlink, c2c, pci        how GPUs are connected: "nvidia-smi topo -h"
    clocks, conf-compute, drain, gpm, vgpu

)";
  return help + settings_help();
}

namespace {

std::string query_gpu_help() {
  std::string out = "List of valid properties to query for the switch \"--query-gpu\":\n\n";
  for (const QueryField& field : query_fields()) {
    append(out, "\"%s\"", field.name);
    if (field.alias != nullptr) {
      append(out, " or \"%s\"", field.alias);
    }
    out += *field.unit != '\0' ? text("\nIn %s.\n\n", field.unit) : "\n\n";
  }
  return out;
}

}  // namespace

std::string main_query_help(const Options& options) {
  if (options.has("--help-query-gpu")) {
    return query_gpu_help();
  }
  const ListQuery* query = asked_query_help(options);
  return query != nullptr ? list_query_help(*query) : "";
}

std::string main_dtd(const Options& options) {
  if (!options.has("--dtd") || options.has("-q")) {
    return "";
  }
  return dtd_text(options.has("-u") ? unit_schema() : device_schema());
}

int run_main(const Run& run, const Options& options) {
  if (options.has("--version")) {
    return show_version(run);
  }
  if (options.has("-B")) {
    return list_excluded(run);
  }
  const bool changes = options.has("-mig") || options.has("-pm") || options.has("-r") ||
                       chosen_setting(options) != nullptr;
  int exit = 0;
  const bool units = options.has("-u");
  const std::vector<Gpu> gpus =
      units
          ? std::vector<Gpu>{}
          : select_gpus(
                run, options.get("-i"), changes ? Unmatched::kRefuse : Unmatched::kPassOver, &exit);
  if (exit != 0) {
    return exit;
  }
  const unsigned pause_ms = interval_ms(options);
  for (bool again = false;; again = true) {
    exit = units ? run_units(run, options) : run_once(run, options, gpus, again);
    if (pause_ms == 0 || exit != 0) {
      return exit;
    }
    std::fflush(run.out);
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
  }
}

}  // namespace mig::smi
