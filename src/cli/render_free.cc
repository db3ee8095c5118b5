// SPDX-License-Identifier: Apache-2.0
#include "cli/render_free.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include <fmt/core.h>

#include "base/strings.h"
#include "base/units.h"
#include "cli/render_inventory.h"
#include "cli/table.h"

namespace mig::cli {
namespace {

// The instances of one profile.
struct Row {
  std::string profile;
  Instance like;
  std::uint32_t all = 0, free = 0, shared = 0, makeable = 0, waiting = 0;
  std::optional<std::int64_t> next_ms;
};

void count_instance(Row& row, const InstanceState& one) {
  row.like = one.instance;
  ++row.all;
  row.free += one.state == Occupancy::kFree ? 1 : 0;
  row.shared += one.state == Occupancy::kShared ? 1 : 0;
  if (one.state == Occupancy::kEnding) {
    row.next_ms = 0;
  } else if (one.ends_in_ms) {
    row.next_ms = row.next_ms ? std::min(*row.next_ms, *one.ends_in_ms) : *one.ends_in_ms;
  }
}

// Smallest first. Profiles of which there is nothing, and nothing can be made, are left out.
std::vector<Row> rows_of(const FreeReport& report) {
  std::map<std::string, Row> by_name;
  for (const InstanceState& one : report.instances) {
    count_instance(by_name[one.instance.profile.str()], one);
  }
  for (const Makeable& one : report.makeable) {
    if (one.count > 0) {
      Row& row = by_name[one.profile.str()];
      row.makeable = one.count;
      row.like.profile = one.profile;
      row.like.memory_mib = one.memory_mib;
      row.like.sm = one.sm;
    }
  }
  std::vector<Row> rows;
  for (auto& [name, row] : by_name) {
    row.profile = name;
    for (const WaitingRequest& request : report.waiting) {
      Need anywhere = request.need;
      anywhere.gpu.reset();
      anywhere.gpu_uuid.clear();
      row.waiting += serves(row.like, anywhere) ? 1 : 0;
    }
    rows.push_back(std::move(row));
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return std::tuple(a.like.memory_mib, a.like.sm.value_or(0)) <
           std::tuple(b.like.memory_mib, b.like.sm.value_or(0));
  });
  return rows;
}

std::string next_text(const Row& row) {
  if (row.free > 0) {
    return "now";
  }
  if (row.all == 0) {
    return "-";
  }
  if (row.shared > 0) {
    return "now, to share";
  }
  return row.next_ms ? "in ~" + base::span_text(*row.next_ms) : "?";
}

std::string state_text(const InstanceState& one) {
  const std::string end =
      one.ends_in_ms ? fmt::format(", ends in {}", base::span_text(*one.ends_in_ms)) : "";
  switch (one.state) {
    case Occupancy::kFree:
      return "free";
    case Occupancy::kShared:
      return fmt::format("shared, {} of {} seats free{}", one.shared - one.leases, one.shared, end);
    case Occupancy::kLeased:
      return (one.yours ? "leased by you" : "leased") + end;
    case Occupancy::kEnding:
      return "its lease is over, its processes are ending";
    case Occupancy::kInUse:
      break;
  }
  return "in use without a lease";
}

std::string each_text(const FreeReport& report, const Paint& paint) {
  Table table({{"GPU", true}, {"PROFILE"}, {"GI", true}, {"CI", true}, {"STATE"}, {"WHO"}});
  for (const InstanceState& one : report.instances) {
    table.row({fmt::format("{}", one.instance.gpu.value),
               one.instance.profile.str(),
               fmt::format("{}", one.instance.gpu_instance.value),
               fmt::format("{}", one.instance.compute_instance.value),
               state_text(one),
               one.holders.empty() ? "-" : base::join(one.holders, ", ")});
  }
  return table.empty() ? "" : "\n" + table.draw(paint);
}

std::string head_text(const wire::FreeAnswer& answer) {
  const FreeReport& report = answer.report;
  const auto free =
      std::count_if(report.instances.begin(), report.instances.end(), [](const InstanceState& one) {
        return one.state == Occupancy::kFree;
      });
  const std::string mark = simulated_mark(answer.source);
  std::string text = mark + (mark.empty() ? "" : ": ");
  text +=
      report.instances.empty()
          ? std::string("there are no instances")
          : fmt::format("{} of {} free", free, base::counted(report.instances.size(), "instance"));
  text += fmt::format("; {}", base::counted(report.leases, "lease"));
  if (report.leases > 0) {
    text += fmt::format(", {} yours", report.your_leases);
  }
  const auto yours = std::count_if(report.waiting.begin(),
                                   report.waiting.end(),
                                   [](const WaitingRequest& one) { return one.yours; });
  text += report.waiting.empty() ? std::string("; nobody waits")
                                 : fmt::format("; {} in the queue, {} yours",
                                               base::counted(report.waiting.size(), "request"),
                                               yours);
  return text + "\n";
}

}  // namespace

std::string free_text(const wire::FreeAnswer& answer, bool each, const Paint& paint) {
  const FreeReport& report = answer.report;
  std::vector<Table::Column> columns{
      {"PROFILE"}, {"GIB", true}, {"SMS", true}, {"FREE", true}, {"NEXT FREE"}, {"WAITING", true}};
  if (report.may_create) {
    columns.push_back({"COULD BE MADE", true});
  }
  Table table(std::move(columns));
  for (const Row& row : rows_of(report)) {
    if (row.all == 0 && !report.may_create) {
      continue;
    }
    std::vector<std::string> cells{row.profile,
                                   base::gib_text(row.like.memory_mib),
                                   row.like.sm ? fmt::format("{}", *row.like.sm) : "?",
                                   fmt::format("{}/{}", row.free, row.all),
                                   next_text(row),
                                   fmt::format("{}", row.waiting)};
    if (report.may_create) {
      cells.push_back(fmt::format("{}", row.makeable));
    }
    table.row(std::move(cells));
  }
  std::string text = head_text(answer);
  if (!table.empty()) {
    text += table.draw(paint);
  }
  return text + (each ? each_text(report, paint) : "");
}

}  // namespace mig::cli
