// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/layout_file.h"
#include "cli/render_checkup.h"
#include "cli/render_inventory.h"
#include "node/node.h"
#include "service/compose.h"
#include "wire/compose.h"

namespace mig::cli {
namespace {

std::string word(Verdict verdict, const Paint& paint) {
  const std::string name(name_of(verdict));
  return verdict == Verdict::kProblem   ? paint(Style::kRed, name)
         : verdict == Verdict::kWarning ? paint(Style::kYellow, name)
         : verdict == Verdict::kOk      ? paint(Style::kGreen, name)
                                        : name;
}

std::string text_of(const ComposeReport& report, const wire::Source& source, const Paint& paint) {
  std::string text = simulated_mark(source);
  text += text.empty() ? "" : "\n";
  std::size_t problems = 0, warnings = 0;
  for (const ComposeFinding& one : report.findings) {
    problems += one.verdict == Verdict::kProblem ? 1 : 0;
    warnings += one.verdict == Verdict::kWarning ? 1 : 0;
    text += fmt::format("{}: {}: {}{}{}\n",
                        base::printable(one.where.str()),
                        word(one.verdict, paint),
                        one.service.empty() ? "" : base::printable(one.service) + ": ",
                        one.reference.empty() ? "" : base::printable(one.reference) + ": ",
                        base::printable(one.found));
    for (std::size_t i = 0; i < one.mend.size(); ++i) {
      text += fmt::format("    {:<5} {}\n", i == 0 ? "mend" : "", base::printable(one.mend[i]));
    }
  }
  return text + fmt::format("{}: {}, {}, {}\n",
                            base::printable(base::join(report.files, " ")),
                            base::counted(report.services, "service"),
                            base::counted(problems, "problem"),
                            base::counted(warnings, "warning"));
}

class Compose final : public Command {
 public:
  CommandText text() const override {
    return {"compose",
            "Give instances to services of a Compose file, and find what is stale in it.",
            "render writes an override file to use beside your own (docker compose -f FILE -f "
            "OVERRIDE up): each "
            "service gets an instance that serves what it wants, by a name that outlives "
            "re-creation (its slot, or "
            "profile and ordinal). A service says so in your file, x-migctl: {profile: 1g.10gb}, "
            "or slot, memory, sm, "
            "gpu, count, shared; or --want does. Your file is not changed. Without FILE a whole "
            "file is written, "
            "for --image: of the services that --want names, else of one for each instance. With "
            "-f LAYOUT -c CONFIG "
            "the instances are those that the layout will have. check says for each service what "
            "it gets now, and what "
            "is stale: UUIDs that are gone (which place they were, and what is there now), indices "
            "that mean another "
            "instance than when the file was written, names that no CDI file has, names that "
            "Compose splits, instances "
            "that two services share; and what to write instead. Its exit code is 22 when "
            "something is. Files that are "
            "named together are one project. Reference: docs/reference/compose.md.",
            {"compose render compose.yaml -o compose.override.yaml",
             "compose render docker-compose.yml --want any --form nvidia",
             "compose render --image train --want a=1g.10gb --want b=slot:train-b",
             "compose render --image train -f layouts.yaml -c seven",
             "compose check compose.yaml compose.override.yaml"},
            {ErrorCode::kInvalidInput,
             ErrorCode::kNothingMatched,
             ErrorCode::kNotFound,
             ErrorCode::kTooLarge,
             ErrorCode::kNoCapacity,
             ErrorCode::kConflict,
             ErrorCode::kNoDriver,
             ErrorCode::kDriver,
             ErrorCode::kIo}};
  }

  std::vector<std::string> first_words() const override { return {"render", "check"}; }

  void declare(Options& options) override {
    options.positional({"render|check [FILE...]",
                        "",
                        "what to do, and with which Compose files; - reads standard input"},
                       words_,
                       true);
    options.list({"--want",
                  "[SERVICE=]WISH",
                  "render: what a service gets: a profile, slot:NAME, a size (20GiB) or any; "
                  "without SERVICE: each "
                  "that asks for a GPU and does not say which"},
                 request_.wants);
    options.text(
        {"--form",
         "devices|cdi|nvidia",
         "render: the short form of CDI, driver: cdi, or driver: nvidia (default: devices)"},
        request_.form);
    options.flag({"--uuid", "", "render: UUIDs instead of names that last"}, request_.uuids);
    options.text({"--image", "IMAGE", "render: image of the services of a whole file"},
                 request_.image);
    options.text({"-o,--output", "FILE", "render: where to write (default: standard output)"},
                 output_);
    options.flag({"--replace", "", "render: also a file that was not rendered"}, replace_);
    layout_.declare(options);
  }

  Result<int> run(Context& context) override {
    const std::string verb = words_.front();
    request_.files.assign(words_.begin() + 1, words_.end());
    request_.program = program_of(context);
    if (verb != "render" && verb != "check") {
      return fail(ErrorCode::kUsage,
                  fmt::format("compose: {} is neither render nor check", base::quoted(verb)),
                  "migctl compose --help shows how it is used");
    }
    const bool of_render = !request_.wants.empty() || !request_.form.empty() || request_.uuids ||
                           !request_.image.empty() || !output_.empty() || replace_ ||
                           layout_.named();
    if (verb == "check" && of_render) {
      return fail(ErrorCode::kUsage,
                  "compose check: an option of render was given",
                  "migctl compose --help says which option is for which");
    }
    if (verb == "check" && request_.files.empty()) {
      return fail(ErrorCode::kUsage,
                  "compose check: no Compose file is named",
                  "migctl compose check compose.yaml");
    }
    if (verb == "render" && !request_.files.empty() && !request_.image.empty()) {
      return fail(
          ErrorCode::kUsage,
          "compose render: --image is for a whole file; the services of FILE have their own",
          "leave one of the two away");
    }
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.machine());
    return verb == "render" ? render(context, *node) : check(context, *node);
  }

 private:
  Result<int> render(Context& context, node::Node& node) {
    if (layout_.named()) {
      MIG_ASSIGN_OR_RETURN(const Inventory now, context.inventory());
      MIG_ASSIGN_OR_RETURN(request_.layout, layout_.resolve(now, context.output()));
    }
    MIG_ASSIGN_OR_RETURN(const ComposeRendered rendered, service::compose_render(node, request_));
    if (!output_.empty()) {
      MIG_TRY(service::compose_write(output_, rendered.text, replace_, request_.files));
    }
    if (context.globals().json) {
      context.output().result(
          wire::compose_render_document(rendered, output_, context.source_or_default()));
      return 0;
    }
    for (const std::string& note : rendered.notes) {
      context.output().progress("migctl: " + note + "\n");
    }
    if (output_.empty()) {
      context.output().result(rendered.text);
    } else {
      context.output().result(
          fmt::format("{}: {}\n", output_, base::counted(rendered.bindings.size(), "instance")));
    }
    return 0;
  }

  Result<int> check(Context& context, node::Node& node) const {
    MIG_ASSIGN_OR_RETURN(const ComposeReport report,
                         service::compose_check(node, request_.files, request_.program));
    const wire::Source source = context.source_or_default();
    context.output().result(context.globals().json
                                ? wire::compose_check_document(report, source)
                                : text_of(report, source, context.output().paint()));
    return report.trouble() ? kFoundTrouble : 0;
  }

  std::vector<std::string> words_;
  service::ComposeRequest request_;
  std::string output_;
  bool replace_ = false;
  LayoutFile layout_;
};

}  // namespace

std::unique_ptr<Command> make_compose() {
  return std::make_unique<Compose>();
}

}  // namespace mig::cli
