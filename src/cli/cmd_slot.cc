// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/render_inventory.h"
#include "cli/select.h"
#include "cli/table.h"
#include "node/node.h"

namespace mig::cli {
namespace {

using node::SlotView;

constexpr std::uint64_t kMostSlots = 64;

std::string place_text(const SlotView& view) {
  const std::string inside = view.row.ci_start ? fmt::format("/{}", *view.row.ci_start) : "";
  return fmt::format("{}:{}{}", view.row.start, view.row.size, inside);
}

// "MIG-new (was MIG-old)" when the slot's UUID changed.
std::string uuid_text(const SlotView& view) {
  std::string now = view.uuid.empty() ? "-" : view.uuid;
  if (view.row.previous_uuid.empty() || view.row.previous_uuid == view.uuid) {
    return now;
  }
  return now + " (was " + view.row.previous_uuid + ")";
}

class SlotCommand final : public Command {
 public:
  CommandText text() const override {
    return {"slot",
            "Give places on GPUs stable names, and find the instance that is there now.",
            "set NAME names a place: GPU, placement and profile; what is there need not exist yet. "
            "list shows every name with the MIG UUID that is there now and, when it has changed, "
            "the one before. resolve NAME prints the UUID. remove NAME forgets the name, not the "
            "instance. A name outlives re-creation, reset and reboot; it goes with its GPU, and "
            "when that is gone, one of the same model at the same PCI address stands in for it.",
            {"slot set train-a --gpu 0 --profile 2g.10gb --placement 4:2",
             "slot list",
             "run --slot train-a -- python train.py",
             "slot resolve train-a",
             "slot remove train-a"},
            {ErrorCode::kInvalidInput,
             ErrorCode::kNothingMatched,
             ErrorCode::kNotFound,
             ErrorCode::kNotSupported,
             ErrorCode::kPermission,
             ErrorCode::kNoCapacity,
             ErrorCode::kConflict,
             ErrorCode::kNoDriver,
             ErrorCode::kIo}};
  }

  std::vector<std::string> first_words() const override {
    return {"set", "list", "resolve", "remove"};
  }

  void declare(Options& options) override {
    options.positional(
        {"set|list|resolve|remove [NAME]", "", "what to do, and with which name"}, words_, true);
    options.text({"-i,--gpu", "GPU", "set: index, UUID or PCI bus id"}, gpu_);
    options.text(
        {"-p,--profile", "PROFILE", "set: 2g.10gb, or 1c.3g.20gb: of the compute instance"},
        profile_);
    options.text({"--placement", "START[:SIZE]", "set: memory slots, as migctl list shows them"},
                 placement_);
    options.number({"--compute-start", "N", "set: which of several compute instances, by its slot"},
                   compute_start_);
  }

  Result<int> run(Context& context) override {
    const std::string verb = words_.front();
    const bool named = verb != "list";
    if (verb != "set" && verb != "list" && verb != "resolve" && verb != "remove") {
      return fail(ErrorCode::kUsage,
                  fmt::format("slot: {} is none of set, list, resolve, remove", base::quoted(verb)),
                  "migctl slot --help shows how it is used");
    }
    if (words_.size() != (named ? 2U : 1U)) {
      return fail(ErrorCode::kUsage,
                  named ? fmt::format("slot {}: one NAME is expected", verb)
                        : std::string("slot list: nothing may follow"),
                  "migctl slot --help shows how it is used");
    }
    const bool details =
        !gpu_.empty() || !profile_.empty() || !placement_.empty() || compute_start_;
    if (verb != "set" && details) {
      return fail(ErrorCode::kUsage,
                  fmt::format("slot {}: --gpu, --profile and --placement are for set", verb));
    }
    if (verb == "list" || verb == "resolve") {
      context.only_looks(wire::MachinePart::kAll);
    }
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    if (verb == "set") {
      return set(context, *node, inventory);
    }
    if (verb == "list") {
      return list(context, *node);
    }
    if (verb == "resolve") {
      return resolve(context, *node);
    }
    MIG_TRY(node->remove_slot(words_[1]));
    return 0;
  }

 private:
  Result<void> read_placement(node::SlotRequest& request) const {
    const std::size_t colon = placement_.find(':');
    const auto start = base::parse_decimal(placement_.substr(0, colon), kMostSlots);
    std::optional<std::uint64_t> size;
    if (colon != std::string::npos) {
      size = base::parse_decimal(placement_.substr(colon + 1), kMostSlots);
    }
    if (!start || (colon != std::string::npos && !size)) {
      return fail(ErrorCode::kUsage,
                  fmt::format("--placement is {}: START or START:SIZE is expected",
                              base::quoted(placement_)),
                  "for example 4:2; migctl placements lists what there can be");
    }
    request.start = static_cast<std::uint32_t>(*start);
    if (size) {
      request.size = static_cast<std::uint32_t>(*size);
    }
    return {};
  }

  Result<int> set(Context& context, node::Node& node, const Inventory& inventory) {
    if (gpu_.empty() || profile_.empty() || placement_.empty()) {
      return fail(ErrorCode::kUsage,
                  "slot set: --gpu, --profile and --placement are needed",
                  "migctl slot set train-a --gpu 0 --profile 2g.10gb --placement 4:2");
    }
    node::SlotRequest request;
    request.name = words_[1];
    MIG_ASSIGN_OR_RETURN(request.gpu, select_gpu(inventory, gpu_));
    MIG_ASSIGN_OR_RETURN(request.profile, ProfileName::parse(profile_));
    MIG_TRY(read_placement(request));
    request.ci_start = compute_start_;
    MIG_ASSIGN_OR_RETURN(const SlotView view, node.set_slot(request));
    if (context.globals().json) {
      context.output().result(wire::slot_document(view, context.source_or_default()));
    } else {
      print(context, {view});
    }
    return 0;
  }

  static Result<int> list(Context& context, node::Node& node) {
    MIG_ASSIGN_OR_RETURN(const std::vector<SlotView> views, node.slots());
    if (context.globals().json) {
      context.output().result(wire::slot_list_document(views, context.source_or_default()));
    } else {
      print(context, views);
    }
    return 0;
  }

  Result<int> resolve(Context& context, node::Node& node) const {
    MIG_ASSIGN_OR_RETURN(const SlotView view, node.resolve_slot(words_[1]));
    if (context.globals().json) {
      context.output().result(wire::slot_document(view, context.source_or_default()));
      return 0;
    }
    context.output().result(view.uuid + "\n");
    if (!view.note.empty()) {
      context.output().message("migctl: note: " + view.note + "\n");
    }
    return 0;
  }

  static void print(Context& context, const std::vector<SlotView>& views) {
    std::string text = simulated_mark(context.source_or_default());
    text += text.empty() ? "" : ": ";
    text += views.empty() ? "no slots are named\n" : base::counted(views.size(), "slot") + "\n";
    Table table({{"SLOT"}, {"GPU", true}, {"PROFILE"}, {"PLACE"}, {"STATE"}, {"UUID"}});
    for (const SlotView& view : views) {
      table.row({view.row.name,
                 view.gpu ? fmt::format("{}", view.gpu->value) : "-",
                 view.row.profile,
                 place_text(view),
                 node::name_of(view.state),
                 uuid_text(view)});
    }
    if (!table.empty()) {
      text += table.draw(context.output().paint());
    }
    for (const SlotView& view : views) {
      if (!view.note.empty()) {
        text += fmt::format("  {}: {}\n", view.row.name, view.note);
      }
    }
    context.output().result(text);
  }

  std::vector<std::string> words_;
  std::string gpu_, profile_, placement_;
  std::optional<std::uint32_t> compute_start_;
};

}  // namespace

std::unique_ptr<Command> make_slot() {
  return std::make_unique<SlotCommand>();
}

}  // namespace mig::cli
