// SPDX-License-Identifier: Apache-2.0
#include "smi/summary_table.h"

#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kFull =
    "+-----------------------------------------------------------------------------------------+\n";
constexpr const char* kThree =
    "+-----------------------------------------+------------------------+----------------------+\n";
constexpr const char* kFour =
    "+------------------+----------------------------------+-----------+-----------------------+\n";
constexpr const char* kFullDouble =
    "|=========================================================================================|\n";

std::string or_na(const std::optional<unsigned>& value, const char* unit) {
  return value ? text("%u%s", *value, unit) : "N/A";
}

const char* or_na(const std::string& value) {
  return value.empty() ? "N/A" : value.c_str();
}

// Truncates a long GPU name at its end.
std::string gpu_name(const std::string& name) {
  constexpr std::size_t kRoom = 27;
  return name.size() <= kRoom ? name : name.substr(0, kRoom - 3) + "...";
}

// Truncates a long path at its beginning.
std::string process_name(const std::string& name) {
  constexpr std::size_t kRoom = 32;
  return name.size() <= kRoom ? name : "..." + name.substr(name.size() - (kRoom - 3));
}

std::string memory_cell(const SummaryGpu& gpu) {
  if (!gpu.memory_used_mib || !gpu.memory_total_mib) {
    return text("%23s ", "N/A");
  }
  return text("%8lluMiB / %6lluMiB ", *gpu.memory_used_mib, *gpu.memory_total_mib);
}

std::string mig_memory_cell(const std::optional<unsigned long long>& used,
                            const std::optional<unsigned long long>& total) {
  if (!used || !total) {
    return text("%19s / %8s    ", "N/A", "N/A");
  }
  const std::string cell = text("%16lluMiB / %5lluMiB", *used, *total);
  return text("%-34s", cell.c_str());
}

// "N/A", or a number with one column free after it.
std::string instance_cell(const std::optional<unsigned>& id) {
  return id ? text("%2u ", *id) : "N/A";
}

}  // namespace

std::string summary_heading(const SummaryHead& head) {
  std::string out = head.time + "       \n";
  out += kFull;
  append(out,
         "| NVIDIA-SMI %-22s Driver Version: %-14s CUDA Version: %-9s|\n",
         head.driver.c_str(),
         head.driver.c_str(),
         head.cuda.c_str());
  out += kThree;
  out +=
      "| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC "
      "|\n"
      "| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. "
      "|\n"
      "|                                         |                        |               MIG M. "
      "|\n"
      "|=========================================+========================+======================|"
      "\n";
  return out;
}

std::string summary_gpu(const SummaryGpu& gpu) {
  std::string out = text("|%4u  %-31s%-4s|%19s %-3s |%21s |\n",
                         gpu.index,
                         gpu_name(gpu.name).c_str(),
                         or_na(gpu.persistence),
                         or_na(gpu.bus),
                         or_na(gpu.display),
                         or_na(gpu.ecc));
  append(out,
         "|%4s%6s    %-4s%14s / %5s |%s|%8s%13s |\n",
         or_na(gpu.fan_percent, "%").c_str(),
         or_na(gpu.celsius, "C").c_str(),
         or_na(gpu.perf),
         or_na(gpu.power_w, "W").c_str(),
         or_na(gpu.power_cap_w, "W").c_str(),
         memory_cell(gpu).c_str(),
         or_na(gpu.gpu_percent, "%").c_str(),
         or_na(gpu.compute_mode));
  append(out, "|%41s|%24s|%21s |\n", "", "", or_na(gpu.mig_mode));
  return out + kThree;
}

std::string summary_mig(const std::vector<SummaryMig>& devices) {
  std::string out = "\n";
  out += kFull;
  append(out, "| %-88s|\n", "MIG devices:");
  out += kFour;
  out +=
      "| GPU  GI  CI  MIG |              Shared Memory-Usage |        Vol|        Shared         "
      "|\n"
      "|      ID  ID  Dev |                Shared BAR1-Usage | SM     Unc| CE ENC  DEC  OFA  JPG "
      "|\n"
      "|                  |                                  |        ECC|                       "
      "|\n"
      "|==================+==================================+===========+=======================|"
      "\n";
  for (const SummaryMig& mig : devices) {
    append(out,
           "|%3u%5u%4u%4u  |%s| %-3u%6s |%3u%4u%5u%5u%5u |\n",
           mig.gpu,
           mig.gi,
           mig.ci,
           mig.index,
           mig_memory_cell(mig.used_mib, mig.total_mib).c_str(),
           mig.sm,
           mig.ecc ? text("%llu", *mig.ecc).c_str() : "N/A",
           mig.copy_engines,
           mig.encoders,
           mig.decoders,
           mig.ofa,
           mig.jpeg);
    append(out,
           "|%18s|%s|%11s|%23s|\n",
           "",
           mig_memory_cell(mig.bar1_used_mib, mig.bar1_total_mib).c_str(),
           "",
           "");
    out += kFour;
  }
  if (devices.empty()) {
    append(out, "|  %-87s|\n", "No MIG devices found");
    out += kFull;
  }
  return out;
}

std::string summary_processes(const std::vector<Process>& processes) {
  std::string out = "\n";
  out += kFull;
  append(out, "| %-88s|\n", "Processes:");
  append(out,
         "|  %-87s|\n",
         "GPU   GI   CI              PID   Type   Process name                        GPU Memory");
  append(out,
         "|  %-87s|\n",
         "      ID   ID                                                               Usage");
  out += kFullDouble;
  for (const Process& p : processes) {
    append(out,
           "|%5u   %3s  %3s%16u%7s   %-32s%14s |\n",
           p.gpu,
           instance_cell(p.gi).c_str(),
           instance_cell(p.ci).c_str(),
           p.pid,
           p.type.c_str(),
           process_name(p.name).c_str(),
           p.memory_mib ? text("%lluMiB", *p.memory_mib).c_str() : "N/A     ");
  }
  if (processes.empty()) {
    append(out, "|  %-87s|\n", "No running processes found");
  }
  return out + kFull;
}

}  // namespace mig::smi
