// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/render_checkup.h"
#include "cli/table.h"
#include "doctor/examine.h"
#include "node/node.h"
#include "service/cdi.h"
#include "wire/cdi.h"
#include "wire/checkup.h"

namespace mig::cli {
namespace {

class Cdi final : public Command {
 public:
  CommandText text() const override {
    return {
        "cdi",
        "Hand instances to containers (CDI), and keep that true when the layout changes.",
        "generate writes the file from which Podman, Docker, containerd and CRI-O know devices, "
        "and "
        "registers it: every later change, by whichever command or daemon, takes back from it what "
        "the change makes untrue before the first driver call, and writes it anew at its end. A "
        "container that is started in between is refused. --output - prints the file and registers "
        "nothing. list shows the devices and their names: by index (0:1), UUID, profile and "
        "ordinal "
        "(1g.18gb-0), and by slot, the name that stays. check holds the file that is registered, "
        "and every other CDI file, against the machine; its exit code is 22 when one is stale. "
        "remove deletes the file and its registration. Reference: docs/reference/cdi.md; how to "
        "use it: docs/howto/containers.md.",
        {"cdi generate",
         "cdi generate --output /etc/cdi/migctl.json",
         "cdi generate --output -",
         "cdi list",
         "cdi check",
         "cdi generate --management",
         "cdi remove"},
        {ErrorCode::kInvalidInput,
         ErrorCode::kNothingMatched,
         ErrorCode::kNotFound,
         ErrorCode::kPermission,
         ErrorCode::kConflict,
         ErrorCode::kNoDriver,
         ErrorCode::kDriver,
         ErrorCode::kIo}};
  }

  std::vector<std::string> first_words() const override {
    return {"generate", "list", "check", "remove"};
  }

  void declare(Options& options) override {
    options.positional({"generate|list|check|remove", "", "what to do"}, words_, true);
    options.text({"-o,--output",
                  "FILE|-",
                  "generate: where to write; - prints (default: the registered file, else "
                  "/var/run/cdi/migctl.json)"},
                 request_.output);
    options.text(
        {"--kind", "VENDOR/CLASS", "generate: kind of the devices (default: nvidia.com/gpu)"},
        request_.kind);
    options.text({"--hooks",
                  "none|nvidia|check",
                  "generate: what runs before a container starts: nothing, nvidia-cdi-hook, or a "
                  "look whether the device is still the same (default: none)"},
                 request_.hooks);
    options.list(
        {"--library-folder", "DIR", "generate: look for the driver's libraries here first"},
        request_.library_folders);
    options.flag({"--management",
                  "",
                  "generate: the machine for a container that manages it, not instances"},
                 request_.management);
    options.flag({"--replace", "", "generate: also a file that migctl did not write"},
                 request_.replace);
    options.flag({"--forget", "", "remove: end the registration even if the file must stay"},
                 forget_);
    options.flag({"--evidence", "", "check: print what was read where all is well, too"},
                 evidence_);
  }

  Result<int> run(Context& context) override {
    const std::string& verb = words_.front();
    constexpr std::size_t kHookWords = 4;
    if (verb == "hook" && words_.size() == kHookWords) {  // of --hooks check; no user's
      MIG_TRY(service::cdi_hook(words_[1], words_[2], words_[3]));
      return 0;
    }
    constexpr std::array<std::string_view, 4> kVerbs = {"generate", "list", "check", "remove"};
    if (std::find(kVerbs.begin(), kVerbs.end(), verb) == kVerbs.end() || words_.size() != 1) {
      return fail(ErrorCode::kUsage,
                  fmt::format("cdi: {} is none of generate, list, check, remove",
                              base::quoted(base::join(words_, " "))),
                  "migctl cdi --help shows how it is used");
    }
    const bool details = !request_.output.empty() || !request_.kind.empty() ||
                         !request_.hooks.empty() || !request_.library_folders.empty() ||
                         request_.management || request_.replace;
    if ((verb != "generate" && details) || (verb != "remove" && forget_) ||
        (verb != "check" && evidence_)) {
      return fail(ErrorCode::kUsage,
                  fmt::format("cdi {}: an option of another action was given", verb),
                  "migctl cdi --help says which option is for which");
    }
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.machine());
    if (verb == "generate") {
      return generate(context, *node);
    }
    if (verb == "list") {
      return list(context, *node);
    }
    return verb == "check" ? check(context, *node) : remove(context, *node);
  }

 private:
  Result<int> generate(Context& context, node::Node& node) {
    if (request_.hooks == "nvidia" && context.source_or_default().simulated) {
      context.output().message(
          "migctl: note: --hooks nvidia writes no hook on a simulated machine: those hooks link "
          "the driver's libraries, and a container of this machine gets the simulator's instead\n");
    }
    if (request_.output == "-") {
      MIG_ASSIGN_OR_RETURN(const std::string text, service::cdi_text(node, request_));
      context.output().result(text);
      return 0;
    }
    MIG_ASSIGN_OR_RETURN(const service::CdiWritten done, service::cdi_generate(node, request_));
    for (const std::string& line : done.left_out) {
      context.output().message("migctl: note: no device for " + line + "\n");
    }
    if (context.globals().json) {
      MIG_ASSIGN_OR_RETURN(const CdiDeviceList devices, service::cdi_list(node));
      context.output().result(wire::cdi_list_document(devices, context.source_or_default()));
      return 0;
    }
    context.output().result(fmt::format(
        "{}{}: {}\n",
        done.path,
        done.changed ? "" : " is as it should be",
        done.devices == 0
            ? std::string("no device to hand over yet; the first instance is written to it")
            : fmt::format("{} of kind {}", base::counted(done.devices, "device"), done.kind)));
    return 0;
  }

  static Result<int> list(Context& context, node::Node& node) {
    MIG_ASSIGN_OR_RETURN(const CdiDeviceList devices, service::cdi_list(node));
    if (context.globals().json) {
      context.output().result(wire::cdi_list_document(devices, context.source_or_default()));
      return 0;
    }
    std::string text = devices.path.empty()
                           ? fmt::format(
                                 "no file is kept (migctl cdi generate): these would be of "
                                 "kind {}\n",
                                 devices.kind)
                           : fmt::format("{}: kind {}\n", devices.path, devices.kind);
    Table table({{"GPU", true}, {"PROFILE"}, {"NAMES"}, {"NODES"}, {"IN FILE"}});
    for (const CdiDeviceEntry& device : devices.devices) {
      table.row({device.gpu ? fmt::format("{}", device.gpu->value) : "-",
                 device.profile.empty() ? "-" : device.profile,
                 base::join(device.names, " "),
                 base::join(short_nodes(device.nodes), " "),
                 devices.path.empty() ? "-"
                 : device.in_file     ? "yes"
                                      : "no"});
    }
    if (!table.empty()) {
      text += table.draw(context.output().paint());
    }
    for (const std::string& line : devices.left_out) {
      text += "  no device for " + line + "\n";
    }
    context.output().result(text);
    return 0;
  }

  // "/dev/nvidia-caps/nvidia-cap12" as "nvidia-cap12".
  static std::vector<std::string> short_nodes(const std::vector<std::string>& nodes) {
    std::vector<std::string> words;
    words.reserve(nodes.size());
    for (const std::string& node : nodes) {
      words.push_back(node.substr(node.rfind('/') + 1));
    }
    return words;
  }

  Result<int> check(Context& context, node::Node& node) const {
    MIG_ASSIGN_OR_RETURN(std::vector<CheckResult> own,
                         service::cdi_check(node, program_of(context)));
    doctor::Settings settings = doctor::settings_for(driver_choice(context.globals()));
    settings.only = {"cdi-files", "cdi-devices", "cdi-driver"};
    MIG_ASSIGN_OR_RETURN(doctor::Examined examined, doctor::examine(settings));
    Checkup& checkup = examined.checkup;
    checkup.results.insert(checkup.results.begin(),
                           std::make_move_iterator(own.begin()),
                           std::make_move_iterator(own.end()));
    const wire::Source source = context.source_or_default();
    context.output().result(
        context.globals().json
            ? wire::checkup_document(checkup, source)
            : render_checkup(checkup, source, evidence_, context.output().paint()));
    return checkup.trouble() ? kFoundTrouble : 0;
  }

  Result<int> remove(Context& context, node::Node& node) const {
    MIG_ASSIGN_OR_RETURN(const auto removed, service::cdi_remove(node, forget_));
    context.output().message(removed ? "migctl: " + *removed + " is kept no longer\n"
                                     : std::string("migctl: no CDI file was kept\n"));
    return 0;
  }

  std::vector<std::string> words_;
  service::CdiRequest request_;
  bool forget_ = false;
  bool evidence_ = false;
};

}  // namespace

std::unique_ptr<Command> make_cdi() {
  return std::make_unique<Cdi>();
}

}  // namespace mig::cli
