// SPDX-License-Identifier: Apache-2.0
#include "cli/render_cost.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/period.h"
#include "cli/render_inventory.h"
#include "cli/table.h"
#include "service/lease_desk.h"

namespace mig::cli {
namespace {

using cost::Micros;
using cost::money_text;
using cost::Part;

constexpr double kMsPerHour = 3'600'000;
constexpr double kMjPerKwh = 3.6e9;

std::string hours_text(std::int64_t gpu_ms) {
  return fmt::format("{:.2f}", static_cast<double>(gpu_ms) / kMsPerHour);
}

std::string price_words(const cost::Price& price, const std::string& currency) {
  std::string text = money_text(price.hour) + " " + currency;
  for (const std::string* more : {&price.provider, &price.date}) {
    text += more->empty() ? "" : ", " + *more;
  }
  return text;
}

// Rows of money, rounded to the cent together.
class Cells {
 public:
  explicit Cells(const std::vector<cost::Line>& lines) {
    std::vector<Micros> all;
    for (const cost::Line& line : lines) {
      all.insert(all.end(), line.split.money.begin(), line.split.money.end());
    }
    rounded_ = cost::to_cents(all);
  }

  std::vector<Micros> row(std::size_t line) const {
    const auto width = static_cast<std::ptrdiff_t>(cost::kParts.size());
    const auto begin = rounded_.begin() + static_cast<std::ptrdiff_t>(line) * width;
    return {begin, begin + width};
  }

 private:
  std::vector<Micros> rounded_;
};

std::vector<std::string> money_cells(const std::vector<Micros>& row) {
  std::vector<std::string> cells;
  Micros sum = 0;
  for (const Micros cell : row) {
    cells.push_back(cell == 0 ? "-" : money_text(cell));
    sum += cell;
  }
  cells.push_back(money_text(sum));
  return cells;
}

std::string lines_table(const cost::CostReport& report, const Paint& paint) {
  Table table({{base::lower(cost::name_of(report.by)) == "gpu" ? "GPU" : "WHO"},
               {"LEASES", true},
               {"GPU HOURS", true},
               {"ALLOCATED", true},
               {"IDLE", true},
               {"UNALLOCATED", true},
               {"STRANDED", true},
               {"NOT RECORDED", true},
               {"TOTAL", true}});
  const Cells cells(report.lines);
  std::vector<Micros> sums(cost::kParts.size(), 0);
  std::int64_t gpu_ms = 0;
  for (std::size_t i = 0; i < report.lines.size(); ++i) {
    const cost::Line& line = report.lines[i];
    const std::vector<Micros> row = cells.row(i);
    const bool counted = !line.key.nobody && !line.key.others;
    std::vector<std::string> text = {cost_line_name(report, line.key),
                                     counted ? fmt::format("{}", line.leases) : "-",
                                     hours_text(line.split.total_ms())};
    for (std::string& cell : money_cells(row)) {
      text.push_back(std::move(cell));
    }
    table.row(std::move(text));
    for (std::size_t part = 0; part < sums.size(); ++part) {
      sums[part] += row[part];
    }
    gpu_ms += line.split.total_ms();
  }
  std::vector<std::string> text = {"sum", "", hours_text(gpu_ms)};
  for (std::string& cell : money_cells(sums)) {
    text.push_back(std::move(cell));
  }
  table.row(std::move(text));
  return table.draw(paint);
}

std::string gpus_table(const cost::CostReport& report, const Paint& paint) {
  Table table({{"GPU", true}, {"BOARD"}, {"AN HOUR"}, {"GPU HOURS", true}, {"TOTAL", true}});
  std::vector<Micros> totals;
  for (const cost::GpuCost& gpu : report.gpus) {
    totals.push_back(gpu.total);
  }
  totals = cost::to_cents(totals);
  for (std::size_t i = 0; i < report.gpus.size(); ++i) {
    const cost::GpuCost& gpu = report.gpus[i];
    table.row({gpu.index ? fmt::format("{}", *gpu.index) : "gone",
               gpu.board.empty() ? gpu.uuid : gpu.board,
               price_words(gpu.price, report.currency),
               hours_text(gpu.split.total_ms()),
               money_text(totals[i])});
  }
  return table.draw(paint);
}

std::string energy_text(const cost::CostReport& report) {
  if (!report.energy_mj) {
    return "energy: not recorded in this period (the daemon records it)\n";
  }
  const auto kwh = [](std::uint64_t mj) { return static_cast<double>(mj) / kMjPerKwh; };
  std::string text = fmt::format("energy: {:.3f} kWh", kwh(*report.energy_mj));
  if (report.leased_energy_mj) {
    text += fmt::format(", of it {:.3f} on {}",
                        kwh(*report.leased_energy_mj),
                        report.all ? "leases" : "your tenant's leases");
  }
  if (report.prices.electricity) {
    constexpr std::uint64_t kMilli = 3'600'000'000;
    const auto money =
        static_cast<Micros>(static_cast<double>(*report.energy_mj) / static_cast<double>(kMilli) *
                            static_cast<double>(*report.prices.electricity));
    text += fmt::format(", {} {} for electricity, not part of the sum",
                        money_text(cost::to_cents({money}).front()),
                        report.currency);
  }
  return text + "\n";
}

std::string cost_title(const wire::Source& source, const std::string& title) {
  const std::string mark = simulated_mark(source);
  return (mark.empty() ? "" : mark + ": ") + title + "\n";
}

std::string percent_text(std::uint64_t permille) {
  return fmt::format("{}.{} %", permille / 10, permille % 10);
}

std::string break_even_text(const cost::Comparison& comparison) {
  constexpr std::uint64_t kAlways = 1000;
  std::string text;
  if (comparison.without > 0) {
    return fmt::format(
        "{} of the workloads: no GPU of the table has the memory, so there is no comparison\n",
        comparison.without);
  }
  if (!comparison.break_even_permille) {
    return "the dedicated GPUs cost nothing, so there is no break-even\n";
  }
  if (*comparison.break_even_permille > kAlways) {
    text += "break-even: none, dedicated GPUs are cheaper even when rented all the time\n";
  } else {
    text += fmt::format(
        "break-even: MIG is cheaper when the workloads run more than {} of the time (dedicated "
        "GPUs are then rented only while they run)\n",
        percent_text(*comparison.break_even_permille));
  }
  text += fmt::format("on one GPU: MIG is cheaper from {} of such workloads on, all the time\n",
                      *comparison.break_even_workloads);
  return text;
}

std::string sensitivity_table(const cost::Comparison& comparison, const Paint& paint) {
  Table table({{"DEDICATED PRICES", true},
               {"IN USE", true},
               {"DEDICATED", true},
               {"MIG", true},
               {"MIG SAVES", true},
               {"", true}});
  for (const cost::SensitivityCell& cell : comparison.sensitivity) {
    const double share = cell.dedicated == 0 ? 0
                                             : static_cast<double>(cell.saving) /
                                                   static_cast<double>(cell.dedicated);
    table.row({fmt::format("x{:g}", cell.price_percent / 100.0),
               fmt::format("{} %", cell.utilization_percent),
               money_text(cost::to_cents({cell.dedicated}).front()),
               money_text(cost::to_cents({comparison.mig_hour}).front()),
               money_text(cost::to_cents({cell.saving}).front()),
               cell.dedicated == 0 ? "" : fmt::format("{:.0f} %", 100 * share)});
  }
  return table.draw(paint);
}

}  // namespace

std::string cost_notes(const cost::CostReport& report) {
  std::string text;
  if (report.leased_ms > 0) {
    constexpr std::int64_t kHundred = 100;
    text += fmt::format("activity is known of {} % of the leased time; the rest counts as in use\n",
                        report.known_ms * kHundred / report.leased_ms);
  }
  if (report.policy == cost::Policy::kFullCost) {
    text += fmt::format("of what tenants pay, {} {} was free or stranded\n",
                        money_text(cost::to_cents({report.spread}).front()),
                        report.currency);
  }
  if (report.recorded_from_ms > report.from_ms && report.recorded_from_ms <= report.until_ms) {
    text += "leases are recorded since " + time_text(report.recorded_from_ms) + "\n";
  }
  if (!report.all) {
    text += "of other tenants only the sum is told\n";
  }
  text += energy_text(report);
  for (const std::string& warning : report.warnings) {
    text += "warning: " + warning + "\n";
  }
  return text;
}

std::string cost_line_name(const cost::CostReport& report, const cost::LineKey& key) {
  if (!key.gpu_uuid.empty()) {
    for (const cost::GpuCost& gpu : report.gpus) {
      if (gpu.uuid == key.gpu_uuid) {
        return gpu.index ? fmt::format("{} {}", *gpu.index, gpu.board) : "gone " + gpu.uuid;
      }
    }
  }
  if (key.nobody) {
    return "(nobody)";
  }
  if (key.others) {
    return "(other tenants)";
  }
  if (!key.profile.empty()) {
    return key.profile;
  }
  std::string name = key.tenant;
  if (key.uid) {
    name += (name.empty() ? "" : " ") + service::user_text(*key.uid);
  }
  if (report.by == cost::By::kJob) {
    name += key.job.empty() ? " (no name)" : " " + key.job;
  }
  return base::printable(name);
}

std::string price_origin(const cost::PriceTable& table) {
  return table.file.empty()
             ? fmt::format(
                   "prices: the shipped table of {}, examples from clouds, not what your "
                   "GPUs cost (write /etc/migctl/prices.yaml)\n",
                   table.date)
             : fmt::format("prices: {}\n", table.file);
}

std::string cost_text(const cost::CostReport& report,
                      const wire::Source& source,
                      const Paint& paint) {
  std::string text = cost_title(source,
                                fmt::format("cost from {} to {} in {}, {}",
                                            time_text(report.from_ms),
                                            time_text(report.until_ms),
                                            report.currency,
                                            cost::meaning_of(report.policy)));
  text += price_origin(report.prices);
  if (report.gpus.empty()) {
    return text + "there was no GPU\n" + cost_notes(report);
  }
  text += gpus_table(report, paint) + "\n";
  return text + lines_table(report, paint) + "\n" + cost_notes(report);
}

std::string comparison_text(const cost::Comparison& comparison,
                            const wire::Source& source,
                            const Paint& paint) {
  std::string text =
      cost_title(source,
                 fmt::format("{} on {} by MIG, against a GPU for each, an hour in {}",
                             base::counted(comparison.dedicated.size(), "workload"),
                             base::counted(comparison.mig.size(), "GPU"),
                             comparison.currency));
  text += price_origin(comparison.prices);
  for (const auto& gpu : comparison.mig) {
    text += fmt::format("  {}: {}\n", gpu.board, price_words(gpu.price, comparison.currency));
  }
  Table table({{"COUNT", true},
               {"INSTANCE"},
               {"MEMORY", true},
               {"CHEAPEST GPU WITH IT"},
               {"AN HOUR", true}});
  for (auto one = comparison.dedicated.begin(); one != comparison.dedicated.end();) {
    const auto next = std::find_if(one, comparison.dedicated.end(), [&](const auto& other) {
      return other.profile != one->profile || other.memory_mib != one->memory_mib;
    });
    constexpr double kMibPerGib = 1024;
    table.row({fmt::format("{}", next - one),
               one->profile,
               fmt::format("{:.1f} GiB", static_cast<double>(one->memory_mib) / kMibPerGib),
               one->price ? one->price->gpu : "none",
               one->price ? price_words(*one->price, comparison.currency) : "-"});
    one = next;
  }
  text += table.draw(paint) + "\n";
  text += fmt::format("MIG {}, dedicated {} (all the time)\n",
                      money_text(comparison.mig_hour),
                      money_text(comparison.dedicated_hour));
  text += break_even_text(comparison);
  if (!comparison.sensitivity.empty()) {
    text += "\n" + sensitivity_table(comparison, paint);
  }
  return text +
         "speed is not compared: whether an instance or the smaller GPU is fast enough must be "
         "measured\n";
}

std::string prices_text(const cost::PriceTable& table, const Paint& paint) {
  std::string text = price_origin(table);
  Table rows({{"GPU"}, {"MEMORY", true}, {"AN HOUR", true}, {"PROVIDER"}, {"DATE"}, {"SOURCE"}});
  const auto known = [](const std::string& cell) { return cell.empty() ? "-" : cell; };
  for (const cost::Price& price : table.prices) {
    rows.row({price.uuid.empty() ? price.gpu : price.uuid,
              price.memory_gb ? fmt::format("{} GB", *price.memory_gb) : "-",
              money_text(price.hour) + " " + table.currency,
              known(price.provider),
              known(price.date),
              known(price.source)});
  }
  text += rows.draw(paint);
  if (table.electricity) {
    text +=
        fmt::format("electricity: {} {} a kWh\n", money_text(*table.electricity), table.currency);
  }
  return text;
}

}  // namespace mig::cli
