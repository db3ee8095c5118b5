// SPDX-License-Identifier: Apache-2.0
#include "smi/dmon.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "base/strings.h"
#include "smi/dmon_columns.h"
#include "smi/gpm_watch.h"
#include "smi/list_gpus.h"
#include "smi/scroll.h"
#include "smi/select.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

constexpr const char* kHelp = "nvidia-smi dmon -h";
constexpr std::size_t kMaxGpus = 16;  // nvidia-smi's limit
constexpr ScrollLimits kLimits = {600, dmon_help};

// Text behind the GPU's number in a line.
struct Cell {
  std::string text;
  int width = 7;
};

struct Layout {
  std::vector<DmonColumn> columns;
  std::vector<GpmMetric> metrics;
  bool device = true, mig = false;  // --gpm-options
  bool csv = false, units = true, heading = true;
  ScrollStamp stamp;
};

// Parses a list of metric numbers, "1,2,20"; returns an error text, "" = valid.
std::string parse_metrics(const std::string& list, std::vector<GpmMetric>* metrics) {
  for (const std::string& word : base::split(list, ',')) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto offender = std::find_if_not(word.begin(), word.end(), is_digit);
    if (offender != word.end()) {
      return text("Found offending character: %c\nCould not parse GPM metrics", *offender);
    }
    const auto id = base::parse_decimal(word, 1U << 16U);
    const auto metric = id ? gpm_metric(static_cast<unsigned>(*id)) : std::nullopt;
    if (!metric) {
      return text("Metric value too high: %s\nCould not parse GPM metrics", word.c_str());
    }
    metrics->push_back(*metric);
  }
  return "";
}

std::string parse_format(const std::string& list, Layout* layout) {
  for (const std::string& word : base::split(list, ',')) {
    if (word == "csv") {
      layout->csv = true;
    } else if (word == "nounit") {
      layout->units = false;
    } else if (word == "noheader") {
      layout->heading = false;
    } else {
      return text("%s is not a recognized format option\nError parsing format options",
                  word.c_str());
    }
  }
  return "";
}

// Columns for the letters of -s, in their order, each group once.
std::vector<DmonColumn> pick_columns(const std::string& letters) {
  std::vector<DmonColumn> picked;
  std::string seen;
  for (const char letter : letters) {
    if (seen.find(letter) != std::string::npos) {
      continue;
    }
    seen += letter;
    for (const DmonColumn& column : dmon_columns()) {
      if (column.group == letter) {
        picked.push_back(column);
      }
    }
  }
  return picked;
}

bool valid_levels(const std::string& levels) {
  return levels == "d" || levels == "m" || levels == "dm" || levels == "md";
}

// *error receives nvidia-smi's error text.
Layout layout_of(const Options& options, std::string* error) {
  Layout layout;
  layout.columns = pick_columns(options.has("-s") ? options.get("-s") : "puc");
  if (layout.columns.empty()) {
    *error = "Failed to find any metric to display";
  }
  if (error->empty() && options.has("--gpm-metrics")) {
    *error = parse_metrics(options.get("--gpm-metrics"), &layout.metrics);
  }
  if (error->empty() && options.has("--format")) {
    *error = parse_format(options.get("--format"), &layout);
  }
  if (options.has("--gpm-options")) {
    const std::string levels = options.get("--gpm-options");
    layout.mig = levels.find('m') != std::string::npos;
    layout.device = levels.find('d') != std::string::npos;
    if (!layout.device) {
      layout.columns.clear();
    }
  }
  layout.stamp = scroll_stamp(options);
  return layout;
}

std::string line(const std::string& first, const std::vector<Cell>& cells, bool csv) {
  std::string out = first;
  for (const Cell& cell : cells) {
    out += csv ? ", " + cell.text : text("%*s", cell.width, cell.text.c_str());
  }
  return out + (csv ? "\n" : " \n");
}

int width_of(const GpmMetric& metric) {
  return metric.id >= 170 && (metric.id - 170) % 5 == 0 ? 17 : 11;  // cycle counters
}

constexpr int kGpmWidth = 11;

std::string heading(const Layout& layout) {
  std::vector<Cell> names;
  std::vector<Cell> units;
  for (const DmonColumn& column : layout.columns) {
    names.push_back({column.name});
    units.push_back({column.unit});
  }
  if (layout.mig) {
    for (const char* name : {"mig_id", "gi_id", "ci_id"}) {
      names.push_back({name, kGpmWidth});
      units.push_back({"Idx", kGpmWidth});
    }
  }
  for (const GpmMetric& metric : layout.metrics) {
    names.push_back({metric.name, width_of(metric)});
    units.push_back({metric.unit, width_of(metric)});
  }
  return (layout.heading ? line(scroll_heading(layout.stamp, layout.csv), names, layout.csv) : "") +
         (layout.units ? line(scroll_units(layout.stamp, layout.csv), units, layout.csv) : "");
}

std::string number(const std::optional<unsigned long long>& value) {
  return value ? text("%llu", *value) : "-";
}

// Prints a GPU's values in a layout; keeps the state that differences to the previous line need.
class Monitor {
 public:
  Monitor(const Run& run, std::vector<Gpu> gpus, Layout layout)
      : run_(run), gpus_(std::move(gpus)), layout_(std::move(layout)) {}

  std::string sample() {
    std::string out;
    for (const Gpu& gpu : gpus_) {
      std::vector<Cell> cells;
      for (const DmonColumn& column : layout_.columns) {
        cells.push_back({number(column.read(run_, gpu, &past_[gpu.index]))});
      }
      const std::vector<MigDevice> mig =
          layout_.mig ? mig_devices(run_, gpu.device) : std::vector<MigDevice>{};
      if (layout_.device || mig.empty()) {
        out += row(gpu, cells, ids({}, {}, {}), layout_.device ? watch(gpu, {}) : nullptr);
      }
      for (const MigDevice& device : mig) {
        out += mig_row(gpu, device);
      }
    }
    // After the line, as nvidia-smi does: the first two lines have no values.
    for (auto& [key, watch] : watches_) {
      watch->sample();
    }
    return out;
  }

 private:
  using Id = std::optional<unsigned long long>;

  std::vector<Cell> ids(Id mig, Id gi, Id ci) const {
    if (!layout_.mig) {
      return {};
    }
    return {{number(mig), kGpmWidth}, {number(gi), kGpmWidth}, {number(ci), kGpmWidth}};
  }

  GpmWatch* watch(const Gpu& gpu, std::optional<unsigned> gi) {
    if (layout_.metrics.empty()) {
      return nullptr;
    }
    auto& found = watches_[{gpu.index, gi.value_or(~0U)}];
    if (!found) {
      found = std::make_unique<GpmWatch>(run_, gpu.device, gi);
    }
    return found.get();
  }

  std::string mig_row(const Gpu& gpu, const MigDevice& device) {
    unsigned gi = 0;
    unsigned ci = 0;
    if (run_.nvml.nvmlDeviceGetGpuInstanceId(device.device, &gi) != NVML_SUCCESS ||
        run_.nvml.nvmlDeviceGetComputeInstanceId(device.device, &ci) != NVML_SUCCESS) {
      return "";  // the instance was destroyed meanwhile
    }
    const std::vector<Cell> nothing(layout_.columns.size(), Cell{"-"});
    return row(gpu, nothing, ids(device.index, gi, ci), watch(gpu, gi));
  }

  std::string row(const Gpu& gpu,
                  std::vector<Cell> cells,
                  const std::vector<Cell>& ids,
                  const GpmWatch* watch) const {
    cells.insert(cells.end(), ids.begin(), ids.end());
    std::vector<std::optional<double>> values(layout_.metrics.size());
    if (watch != nullptr) {
      values = watch->values(layout_.metrics);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      cells.push_back(
          {values[i] ? text("%.0f", std::floor(*values[i])) : "-", width_of(layout_.metrics[i])});
    }
    return line(scroll_row(layout_.stamp, gpu.index, layout_.csv), cells, layout_.csv);
  }

  const Run& run_;
  std::vector<Gpu> gpus_;
  Layout layout_;
  std::map<unsigned, DmonPast> past_;
  std::map<std::pair<unsigned, unsigned>, std::unique_ptr<GpmWatch>> watches_;
};

}  // namespace

Options parse_dmon(const std::vector<std::string>& words) {
  static const std::vector<OptionSpec> kSpecs = {
      {"-h", "--help", Takes::kNothing},
      {"-i", "--id", Takes::kValue},
      {"-c", "--count", Takes::kValue},
      {"-d", "--delay", Takes::kValue},
      {"-s", "--select", Takes::kValue},
      {"-o", "--options", Takes::kValue},
      {"--filename", "-f", Takes::kValue},
      {"--gpm-metrics", nullptr, Takes::kValue},
      {"--gpm-options", nullptr, Takes::kValue},
      {"--format", nullptr, Takes::kValue},
  };
  return parse_options(words, kSpecs, kHelp, [](const std::string& word) {
    return scroll_unknown(word, dmon_help);
  });
}

UsageError dmon_usage_error(const Options& options) {
  if (UsageError error = scroll_usage_error(options, kLimits); !error.empty()) {
    return error;
  }
  if (options.has("--gpm-options") && !valid_levels(options.get("--gpm-options"))) {
    return {dmon_help(), 0};
  }
  std::string error;
  layout_of(options, &error);
  return error.empty() ? UsageError{} : scroll_refused(error);
}

std::string dmon_help() {
  return R"(
    dmon -- readings of GPUs in scrolling form, one line per GPU and sample.

    Usage: nvidia-smi dmon [options]

    -i | --id         comma-separated index, PCI bus ID or UUID; default: the first 16 GPUs
    -d | --delay      seconds between samples, 1 to 600; default 1
    -c | --count      samples to take; default: until Ctrl+C
    -s | --select     groups of columns, in the order of their letters; default puc
                        p power and heat          v time lost to power and heat limits
                        u utilization             m memory: frame buffer, BAR1, protected
                        c clocks                  e errors: ECC, PCIe replays
                                                  t PCIe throughput
         --gpm-metrics  comma-separated numbers of GPM metrics, below 210 (Hopper and later): averages
                      between two samples, so the first two lines have none
         --gpm-options  d of whole GPUs, m of MIG devices, dm both; default d
    -o | --options    D date, T time before each line
    -f | --filename   into this file instead of to the terminal
         --format     csv, noheader, nounit
    -h | --help

)";
}

int run_dmon(const Run& run, const Options& options) {
  int exit = 0;
  std::vector<Gpu> gpus = select_gpus(run, options.get("-i"), Unmatched::kPassOver, &exit);
  if (exit != 0) {
    return exit;
  }
  gpus.resize(std::min(gpus.size(), kMaxGpus));
  std::string error;
  Layout layout = layout_of(options, &error);
  run.print(heading(layout));
  Monitor monitor(run, std::move(gpus), std::move(layout));
  return scroll(run, options, [&] { return monitor.sample(); });
}

}  // namespace mig::smi
