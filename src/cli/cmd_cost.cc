// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/unix_time.h"
#include "catalog/catalog.h"
#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/layout_file.h"
#include "cli/period.h"
#include "cli/render_cost.h"
#include "client/lease_client.h"
#include "node/node.h"
#include "report/report.h"
#include "service/cost.h"
#include "service/lease_desk.h"
#include "service/offline_plan.h"
#include "service/usage.h"
#include "wire/cost.h"

namespace mig::cli {
namespace {

std::string names_of_policies() {
  std::string text;
  for (const cost::Policy policy : cost::kPolicies) {
    text += fmt::format(
        "{}{} ({})", text.empty() ? "" : ", ", cost::name_of(policy), cost::meaning_of(policy));
  }
  return text;
}

class CostCommand final : public Command {
 public:
  CommandText text() const override {
    return {
        "cost",
        "Show what the machine cost, who had it, and whether MIG pays.",
        "Without a word: the price of every GPU in the period (this month so far), split into what "
        "leases had (allocated, or idle by the sampler), what was free (unallocated), what no "
        "layout could use (stranded), and what is not recorded. The parts add up to the price. A "
        "tenant sees itself and the sum of the others; operators and admins see all.\n"
        "--policy says how a GPU's price is split over its instances: " +
            names_of_policies() +
            ".\n"
            "compare sets the machine's layout, or that of -f, against the cheapest GPU of the "
            "table for each workload: break-even, and what becomes of it at other prices and "
            "other use. prices lists the table that counts: --prices, else $MIGCTL_PRICES, else "
            "/etc/migctl/prices.yaml, else dated examples that are shipped.",
        {"cost",
         "cost --from 2026-11-01 --to 2026-12-01 --by user",
         "cost --from last-month --to month --by job --format csv",
         "cost --from 7d --policy full-cost --svg cost.svg --html cost.html",
         "cost --from 2026-11-01 --to 2026-12-01 --format focus",
         "cost compare -f layouts.yaml --model h200-141gb --utilization 60",
         "cost prices --prices prices.yaml"},
        {ErrorCode::kInvalidInput,
         ErrorCode::kTooLarge,
         ErrorCode::kNothingMatched,
         ErrorCode::kNotFound,
         ErrorCode::kNoCapacity,
         ErrorCode::kPermission,
         ErrorCode::kTimeout,
         ErrorCode::kNoDriver,
         ErrorCode::kIo}};
  }

  std::vector<std::string> first_words() const override { return {"report", "compare", "prices"}; }

  void declare(Options& options) override {
    options.positional({"report|compare|prices", "", "what to show (report)"}, words_, false);
    options.text({"--from", "TIME", "begin: 2026-11-01, month, 7d, ... (month)"}, from_);
    options.text({"--to", "TIME", "end, not included (now)"}, to_);
    options.text({"--by", "tenant|user|job|gpu|profile", "a line for each (tenant)"}, by_);
    options.text({"--policy",
                  "compute|memory|sm|dominant|full-cost",
                  "how a GPU's price is split (dominant)"},
                 policy_);
    options.text({"--prices", "FILE", "price table", "MIGCTL_PRICES"}, prices_);
    options.text({"--provider", "NAME", "only prices of this provider"}, provider_);
    options.text({"--format", "text|csv|focus", "focus: CSV with the columns of FOCUS 1.2 (text)"},
                 format_);
    options.text({"--svg", "FILE", "write a chart too"}, svg_);
    options.text({"--html", "FILE", "write a page for a browser and for paper too"}, html_);
    layout_.declare(options);
    options.text({"--model", "BOARD[,N]", "compare: for N (1) of this board, without a machine"},
                 model_);
    options.number(
        {"--utilization", "PERCENT", "compare: share of the time that workloads run (100)"},
        utilization_);
  }

  Result<int> run(Context& context) override {
    MIG_TRY(check_words());
    MIG_ASSIGN_OR_RETURN(const cost::PriceTable table, service::price_table(prices_, provider_));
    const std::string verb = words_.empty() ? "report" : words_.front();
    if (verb == "prices") {
      context.output().result(context.globals().json
                                  ? wire::prices_document(table, context.source_or_default())
                                  : prices_text(table, context.output().paint()));
      return 0;
    }
    return verb == "compare" ? compare(context, table) : report(context, table);
  }

 private:
  Result<void> check_words() const {
    const auto verbs = first_words();
    if (words_.size() > 1 ||
        (words_.size() == 1 &&
         std::find(verbs.begin(), verbs.end(), words_.front()) == verbs.end())) {
      return fail(ErrorCode::kUsage,
                  "cost: report, compare or prices is expected",
                  "migctl cost --help shows how it is used");
    }
    const std::string verb = words_.empty() ? "report" : words_.front();
    MIG_TRY(only_for(verb,
                     "report",
                     {{"--from", &from_},
                      {"--to", &to_},
                      {"--by", &by_},
                      {"--policy", &policy_},
                      {"--format", &format_},
                      {"--html", &html_}}));
    MIG_TRY(only_for(verb, "compare", {{"--model", &model_}}));
    if (verb != "compare" && (layout_.named() || utilization_)) {
      return fail(ErrorCode::kUsage, "cost: -f, -c and --utilization belong to cost compare");
    }
    if (verb == "prices" && !svg_.empty()) {
      return fail(ErrorCode::kUsage, "cost prices: there is no chart of it");
    }
    if (utilization_ && (*utilization_ == 0 || *utilization_ > 100)) {
      return fail(ErrorCode::kUsage, "--utilization takes 1 to 100");
    }
    return {};
  }

  static Result<void> only_for(
      const std::string& verb,
      const std::string& wanted,
      const std::vector<std::pair<const char*, const std::string*>>& options) {
    for (const auto& [name, value] : options) {
      if (verb != wanted && !value->empty()) {
        return fail(ErrorCode::kUsage,
                    fmt::format("cost {}: {} belongs to cost {}", verb, name, wanted));
      }
    }
    return {};
  }

  Result<int> report(Context& context, const cost::PriceTable& table) const {
    const std::int64_t now = base::unix_ms();
    MIG_ASSIGN_OR_RETURN(const cost::Period period, parse_period(from_, to_, now));
    MIG_TRY(service::check_period(period, now));
    if (context.globals().json && !format_.empty() && format_ != "text") {
      return fail(ErrorCode::kUsage, "cost: --json excludes --format " + format_);
    }
    MIG_ASSIGN_OR_RETURN(const auto client,
                         client::LeaseClient::open(client_options(context), open_node(context)));
    MIG_ASSIGN_OR_RETURN(const wire::UsageAnswer answer, client->usage(period));
    const cost::Policy policy =
        cost::parse_policy(policy_).value_or(cost::Policy::kDominant);  // checked by its words
    const cost::By by = cost::parse_by(by_).value_or(cost::By::kTenant);
    MIG_ASSIGN_OR_RETURN(const cost::CostReport report,
                         service::cost_report(answer.usage, table, policy, by));
    if (!svg_.empty()) {
      MIG_TRY(base::write_file_atomic(svg_, cost_svg(report, answer.source)));
    }
    if (!html_.empty()) {
      MIG_TRY(
          base::write_file_atomic(html_, report::report_html(cost_page(report, answer.source))));
    }
    Output& output = context.output();
    if (context.globals().json) {
      output.result(wire::cost_document(report, answer.source));
    } else if (format_ == "csv") {
      output.result(wire::cost_csv(report, service::user_text, answer.source));
    } else if (format_ == "focus") {
      MIG_ASSIGN_OR_RETURN(const auto charges, service::cost_charges(answer.usage, table, policy));
      output.result(wire::focus_csv(
          charges, report, machine_name(answer.source), service::user_text, answer.source));
    } else {
      output.result(cost_text(report, answer.source, output.paint()));
    }
    return 0;
  }

  static std::string machine_name(const wire::Source& source) {
    if (source.simulated) {
      return source.machine.empty() ? "simulated" : source.machine;
    }
    const auto name = base::read_file("/proc/sys/kernel/hostname", 256);
    return name ? name->substr(0, name->find('\n')) : "machine";
  }

  Result<int> compare(Context& context, const cost::PriceTable& table) const {
    if (!model_.empty() && !layout_.named()) {
      return fail(ErrorCode::kUsage,
                  "cost compare: a model has no layout of its own",
                  "name a layout: -f layouts.yaml -c NAME");
    }
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, inventory_for(context));
    const std::uint32_t used = utilization_.value_or(100);
    Result<cost::Comparison> compared = layout_.named()
                                            ? of_layout(context, inventory, table, used)
                                            : service::compare_cost(inventory, table, used);
    MIG_ASSIGN_OR_RETURN(const cost::Comparison comparison, std::move(compared));
    const wire::Source source = context.source_or_default();
    if (!svg_.empty()) {
      MIG_TRY(base::write_file_atomic(svg_, comparison_svg(comparison, source)));
    }
    context.output().result(context.globals().json
                                ? wire::comparison_document(comparison, source)
                                : comparison_text(comparison, source, context.output().paint()));
    return 0;
  }

  Result<cost::Comparison> of_layout(Context& context,
                                     Inventory inventory,
                                     const cost::PriceTable& table,
                                     std::uint32_t used) const {
    MIG_ASSIGN_OR_RETURN(const DesiredLayout desired, layout_.resolve(inventory, context.output()));
    for (Gpu& gpu : inventory.gpus) {  // as if nobody used it: only whether the layout fits counts
      gpu.processes.clear();
      gpu.leases.clear();
    }
    MIG_ASSIGN_OR_RETURN(const Plan plan, service::plan_offline(inventory, desired));
    return service::compare_cost(plan, inventory, table, used);
  }

  Result<Inventory> inventory_for(Context& context) const {
    if (model_.empty()) {
      context.only_looks(wire::MachinePart::kAll);
      return context.inventory();
    }
    if (!context.globals().simulated.empty() || !context.globals().nvml_library.empty()) {
      return fail(ErrorCode::kUsage, "cost: --model excludes --sim and --nvml-library");
    }
    const auto boards = catalog::parse_boards(model_);
    auto inventory = boards ? catalog::inventory_of(*boards) : Result<Inventory>(boards.error());
    if (!inventory) {
      return std::move(inventory).error().in("--model");
    }
    context.set_source(wire::Source::of(*inventory));
    return inventory;
  }

  std::vector<std::string> words_;
  std::string from_, to_, by_, policy_, prices_, provider_, format_, svg_, html_, model_;
  std::optional<std::uint32_t> utilization_;
  LayoutFile layout_;
};

}  // namespace

std::unique_ptr<Command> make_cost() {
  return std::make_unique<CostCommand>();
}

}  // namespace mig::cli
