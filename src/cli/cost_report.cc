// SPDX-License-Identifier: Apache-2.0
// A cost report as a page for people without this program.
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/period.h"
#include "cli/render_cost.h"
#include "model/report_values.h"

namespace mig::cli {
namespace {

constexpr double kPageHourMs = 3'600'000;

report::Cell page_money(cost::Micros money) {
  return {cost::money_text(money), static_cast<double>(money) / cost::kMicrosPerUnit};
}

report::Cell page_hours(std::int64_t gpu_ms) {
  const double hours = static_cast<double>(gpu_ms) / kPageHourMs;
  return {fmt::format("{:.2f}", hours), hours};
}

// All cells are rounded together, so that rows and columns add up as they are shown.
std::vector<cost::Micros> page_cells(const cost::CostReport& report) {
  std::vector<cost::Micros> all;
  for (const cost::Line& line : report.lines) {
    all.insert(all.end(), line.split.money.begin(), line.split.money.end());
  }
  return cost::to_cents(all);
}

report::Table page_lines(const cost::CostReport& report, const std::vector<cost::Micros>& cells) {
  report::Table table;
  table.caption = fmt::format("Cost by {}", cost::name_of(report.by));
  table.origin = report::Origin::kDerived;
  const std::string origin = price_origin(report.prices);  // a line
  table.source = origin.substr(0, origin.find('\n'));
  table.columns = {{cost::name_of(report.by)}, {"GPU time", "h", report::Align::kRight}};
  for (const cost::Part part : cost::kParts) {
    table.columns.push_back({cost::name_of(part), report.currency, report::Align::kRight});
  }
  table.columns.push_back({"total", report.currency, report::Align::kRight});
  std::vector<cost::Micros> sums(cost::kParts.size() + 1, 0);
  const auto row_of = [&](report::Cell name, report::Cell hours, const cost::Micros* parts) {
    std::vector<report::Cell> row = {std::move(name), std::move(hours)};
    cost::Micros sum = 0;
    for (std::size_t part = 0; part < cost::kParts.size(); ++part) {
      row.push_back(page_money(parts[part]));
      sum += parts[part];
    }
    row.push_back(page_money(sum));
    return row;
  };
  std::int64_t gpu_ms = 0;
  for (std::size_t i = 0; i < report.lines.size(); ++i) {
    const cost::Line& line = report.lines[i];
    const cost::Micros* parts = &cells[i * cost::kParts.size()];
    table.rows.push_back(
        row_of({cost_line_name(report, line.key)}, page_hours(line.split.total_ms()), parts));
    for (std::size_t part = 0; part < cost::kParts.size(); ++part) {
      sums[part] += parts[part];
    }
    gpu_ms += line.split.total_ms();
  }
  table.rows.push_back(row_of({"sum"}, page_hours(gpu_ms), sums.data()));
  return table;
}

report::StackedChart page_chart(const cost::CostReport& report,
                                const std::vector<cost::Micros>& cells) {
  report::StackedChart chart;
  chart.head = {fmt::format("What the machine cost, by {}", cost::name_of(report.by)),
                report.currency,
                "A bar for each line; its parts are what became of the price",
                report::Origin::kDerived,
                {}};
  for (const cost::Part part : cost::kParts) {
    chart.parts.emplace_back(cost::name_of(part));
  }
  for (std::size_t i = 0; i < report.lines.size(); ++i) {
    chart.groups.push_back(cost_line_name(report, report.lines[i].key));
    chart.values.emplace_back();
    cost::Micros sum = 0;
    for (std::size_t part = 0; part < cost::kParts.size(); ++part) {
      const cost::Micros money = cells[i * cost::kParts.size() + part];
      chart.values.back().push_back(static_cast<double>(money) / cost::kMicrosPerUnit);
      sum += money;
    }
    chart.totals.push_back(cost::money_text(sum));
  }
  return chart;
}

report::Table page_gpus(const cost::CostReport& report) {
  report::Table table;
  table.caption = "GPUs and what an hour of each costs";
  table.columns = {{"GPU"},
                   {"board"},
                   {"an hour", report.currency, report::Align::kRight},
                   {"price from"},
                   {"GPU time", "h", report::Align::kRight},
                   {"total", report.currency, report::Align::kRight}};
  std::vector<cost::Micros> totals;
  for (const cost::GpuCost& gpu : report.gpus) {
    totals.push_back(gpu.total);
  }
  totals = cost::to_cents(totals);
  for (std::size_t i = 0; i < report.gpus.size(); ++i) {
    const cost::GpuCost& gpu = report.gpus[i];
    std::vector<std::string> from;
    for (const std::string* word : {&gpu.price.provider, &gpu.price.source, &gpu.price.date}) {
      if (!word->empty()) {
        from.push_back(*word);
      }
    }
    table.rows.push_back({{gpu.index ? fmt::format("{}", *gpu.index) : "gone"},
                          {gpu.board.empty() ? gpu.uuid : gpu.board},
                          page_money(gpu.price.hour),
                          {from.empty() ? "your price table" : base::join(from, ", ")},
                          page_hours(gpu.split.total_ms()),
                          page_money(totals[i])});
    // An hour's price is the table's: an example of the shipped one, the user's own else.
    table.rows.back()[2].origin =
        report.prices.file.empty() ? report::Origin::kAssumed : report::Origin::kDocumented;
  }
  table.origin = report::Origin::kDerived;
  return table;
}

}  // namespace

report::Report cost_page(const cost::CostReport& report, const wire::Source& source) {
  report::Report page;
  page.title = "What the GPUs cost";
  page.subtitle = fmt::format("{} to {}", time_text(report.from_ms), time_text(report.until_ms));
  page.simulated = source.simulated;
  page.simulated_machine = source.machine;
  page.program = "migctl " MIG_VERSION;
  page.created_ms = report.now_ms;
  page.machine = {
      {"GPUs", fmt::format("{}", report.gpus.size())},
      {"Total",
       fmt::format(
           "{} {}", cost::money_text(cost::to_cents({report.total}).front()), report.currency)},
      {"A GPU's price is split by",
       fmt::format("{}: {}", cost::name_of(report.policy), cost::meaning_of(report.policy))}};
  const std::vector<cost::Micros> cells = page_cells(report);
  report::Section who{"who", "", "Who had it", 1, {}};
  who.add(page_chart(report, cells));
  who.add(page_lines(report, cells));
  report::Section gpus{"gpus", "", "GPUs and prices", 1, {}};
  gpus.add(page_gpus(report));
  report::Section notes{"notes", "", "What to know about these figures", 1, {}};
  report::List list;
  for (const std::string& line : base::split(cost_notes(report), '\n')) {
    if (!line.empty()) {
      list.items.emplace_back(line);
    }
  }
  notes.add(std::move(list));
  page.sections = {std::move(who), std::move(gpus), std::move(notes)};
  return page;
}

}  // namespace mig::cli
