// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/render_inventory.h"
#include "cli/table.h"
#include "node/node.h"

namespace mig::cli {
namespace {

// Some of NVIDIA's services do not block a reset; only the driver knows which.
std::string stops_text(const holders::Holder& holder) {
  const bool perhaps = holder.kind == holders::Kind::kService;
  const bool first = holder.stops_first_instance;
  return std::string(holders::name_of(holder.stops)) + (perhaps ? "?" : "") +
         (first ? ", first instance" : "");
}

class Holders final : public Command {
 public:
  CommandText text() const override {
    return {
        "holders",
        "Show who stands in the way of a change, and of which.",
        "Processes that the driver lists, processes that keep device or capability nodes open, "
        "NVIDIA's own services, displays and kernel modules. What stops a destroy also stops a "
        "mode change and a reset; reset? is perhaps. Without root the descriptors of other users "
        "cannot be read. A GPU that cannot be opened is told at the end (exit code 14).",
        {"holders", "holders --json"},
        {ErrorCode::kDeviceLost, ErrorCode::kNoDriver, ErrorCode::kIo}};
  }

  Result<int> run(Context& context) override {
    context.only_looks(wire::MachinePart::kState);
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    node->search_holders_ahead();
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    MIG_ASSIGN_OR_RETURN(const holders::Report report, node->holders());
    const auto source = context.source_or_default();
    if (context.globals().json) {
      context.output().result(wire::holders_document(report, inventory.lost, source));
    } else {
      print(context, report);
    }
    return end_of_looking(inventory, context.output());
  }

 private:
  static void print(Context& context, const holders::Report& report) {
    std::string text = simulated_mark(context.source_or_default());
    text += text.empty() ? "" : ": ";
    text += report.holders.empty() ? "nobody holds a GPU\n"
                                   : base::counted(report.holders.size(), "holder") + "\n";
    Table table({{"GPU", true}, {"GI", true}, {"CI", true}, {"STOPS"}, {"WHO"}, {"SEEN IN"}});
    for (const auto& holder : report.holders) {
      table.row({fmt::format("{}", holder.gpu.value),
                 holder.gpu_instance ? fmt::format("{}", holder.gpu_instance->value) : "-",
                 holder.compute_instance ? fmt::format("{}", holder.compute_instance->value) : "-",
                 stops_text(holder),
                 holder.who(),
                 base::join(holder.evidence, ", ")});
    }
    if (!table.empty()) {
      text += table.draw(context.output().paint());
    }
    context.output().result(text);
    if (report.unreadable_processes > 0) {
      context.output().message(
          fmt::format("migctl: note: {} could not be looked into; run as root to see all\n",
                      base::counted(report.unreadable_processes, "process")));
    }
  }
};

}  // namespace

std::unique_ptr<Command> make_holders() {
  return std::make_unique<Holders>();
}

}  // namespace mig::cli
