// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/errors.h"
#include "cli/execute.h"
#include "cli/layout_file.h"
#include "cli/render_inventory.h"
#include "cli/stop_on_signal.h"
#include "cli/units.h"
#include "service/layouts.h"
#include "slurm/change.h"
#include "slurm/check.h"
#include "slurm/job.h"
#include "slurm/job_layout.h"
#include "wire/slurm.h"

namespace mig::cli {
namespace {

// Words of a change as those of apply, on stderr; the outcome is the Slurm node's.
class SlurmWords final : public GuardedWords {
 public:
  using GuardedWords::GuardedWords;

  void planned(const Plan& plan) override {
    for (const auto& warning : plan.warnings) {
      output().message("migctl: warning: " + warning + "\n");
    }
  }

  void note(const std::string& line) override { output().progress("migctl: " + line + "\n"); }

  void step(const Step& step, std::size_t index, std::size_t of, bool done) override {
    if (done) {
      output().progress(fmt::format("[{}/{}] {}: done\n", index + 1, of, step.str()));
    }
  }
};

class SlurmCommand final : public Command {
 public:
  CommandText text() const override {
    return {
        "slurm",
        "Hand this node's instances to Slurm, and change its layout without harm.",
        "generate prints the lines of gres.conf and the Gres of the node's line in slurm.conf; "
        "with "
        "--write it puts them there. check compares both files, slurmd's own reading (slurmd -G) "
        "and the node as slurmctld has it with the machine: exit code 10 when something is wrong. "
        "apply drains the node, waits for its jobs, changes the layout as migctl apply does, "
        "writes "
        "the files, restarts slurmctld and slurmd and resumes the node; what fails is taken back, "
        "what a crash cut short is taken up by recover or the next apply. prolog, epilog and "
        "task-prolog are run by slurmd: a lease for the job's user, the UUIDs of its instances, "
        "and a layout for a job that asks for one (--constraint=mig-NAME). "
        "Settings: /etc/migctl/slurm.yaml (docs/reference/slurm.md).",
        {"slurm generate",
         "slurm generate --write",
         "slurm check",
         "slurm apply -f layouts.yaml -c mixed --drain 2h",
         "slurm apply -f layouts.yaml -c mixed --dry-run",
         "slurm recover"},
        codes_of_layout_change({ErrorCode::kNotApplied})};
  }

  std::vector<std::string> first_words() const override {
    return {"generate", "check", "apply", "recover", "prolog", "epilog", "task-prolog"};
  }

  void declare(Options& options) override {
    options.positional(
        {"WHAT", "", "generate, check, apply, recover; by slurmd: prolog, epilog, task-prolog"},
        words_,
        true);
    options.text(
        {"--settings", "FILE", "instead of /etc/migctl/slurm.yaml", "MIGCTL_SLURM_SETTINGS"},
        said_.config);
    options.text(
        {"--node", "NAME", "NodeName of this machine in slurm.conf (default: its host name)"},
        said_.node);
    options.text({"--slurm-conf", "FILE", "default: $SLURM_CONF, else /etc/slurm/slurm.conf"},
                 said_.slurm_conf);
    options.text({"--gres-conf", "FILE", "default: gres.conf beside slurm.conf"}, said_.gres_conf);
    options.text({"--dev", "DIR", "folder of the device nodes (default: /dev)"}, said_.dev);
    options.flag({"--write", "", "generate: change the files instead of printing"}, write_);
    layout_.declare(options);
    options.text({"--drain", "TIME", "apply: so long to wait for jobs to end (30m)"}, drain_);
    options.text({"--reason", "TEXT", "apply: why, for history"}, reason_);
    options.flag({"-n,--dry-run", "", "apply: show the plan only"}, dry_run_);
  }

  Result<int> run(Context& context) override {
    const auto verbs = first_words();
    const std::string verb = words_.front();
    if (words_.size() != 1 || std::find(verbs.begin(), verbs.end(), verb) == verbs.end()) {
      return fail(ErrorCode::kUsage,
                  fmt::format("slurm: {} is expected", base::join(verbs, ", ")),
                  "migctl slurm --help shows how it is used");
    }
    if ((write_ && verb != "generate") ||
        ((layout_.named() || dry_run_ || !drain_.empty()) && verb != "apply")) {
      return fail(ErrorCode::kUsage,
                  fmt::format("slurm {}: an option of another word", verb),
                  "migctl slurm --help tells which belongs to what");
    }
    MIG_ASSIGN_OR_RETURN(slurm::Settings settings, slurm::read_settings(said_));
    if (verb == "generate") {
      return generate(context, settings);
    }
    if (verb == "check") {
      return check(context, settings);
    }
    if (verb == "apply") {
      return apply(context, settings);
    }
    if (verb == "recover") {
      return recover(context, settings);
    }
    return for_job(context, settings, verb);
  }

 private:
  Result<int> generate(Context& context, const slurm::Settings& settings) const {
    MIG_ASSIGN_OR_RETURN(const Inventory now, context.inventory());
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    MIG_ASSIGN_OR_RETURN(const slurm::Files files, slurm::files_of_machine(settings, *node, now));
    Output& output = context.output();
    for (const std::string& warning : files.warnings) {
      output.message("migctl: warning: " + warning + "\n");
    }
    if (write_) {
      MIG_ASSIGN_OR_RETURN(const slurm::Wrote wrote, slurm::write_files(settings, files));
      output.progress(wrote.changed
                          ? fmt::format("migctl: wrote {} and {}; Slurm reads them when slurmctld, "
                                        "then slurmd are restarted on a drained node\n",
                                        wrote.gres_path,
                                        wrote.conf_path)
                          : std::string("migctl: the files are as they should be\n"));
    }
    if (context.globals().json) {
      output.result(wire::slurm_files_document(files, context.source_or_default()));
    } else if (!write_) {
      output.result(fmt::format("{}# {}, the node's line:\n# NodeName={} {}\n",
                                files.gres_conf,
                                settings.slurm_conf,
                                files.node,
                                files.gres.empty() ? "(no Gres)" : "Gres=" + files.gres));
    }
    return 0;
  }

  static Result<int> check(Context& context, const slurm::Settings& settings) {
    MIG_ASSIGN_OR_RETURN(const Inventory now, context.inventory());
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    MIG_ASSIGN_OR_RETURN(const slurm::Check done, slurm::check(settings, *node, now));
    if (context.globals().json) {
      context.output().result(wire::slurm_check_document(done, context.source_or_default()));
    } else {
      print(context, done);
    }
    return done.good() ? 0 : error_info(ErrorCode::kNotApplied).exit_code;
  }

  static void print(Context& context, const slurm::Check& done) {
    const Paint paint = context.output().paint();
    std::string text = simulated_mark(context.source_or_default());
    text += text.empty() ? "" : ": ";
    text += fmt::format("node {}, {}: {}\n",
                        done.node,
                        base::counted(done.devices, "device"),
                        done.good() ? "Slurm has what the machine has" : "something is wrong");
    for (const slurm::Finding& finding : done.findings) {
      text += fmt::format("  {} {}: {}\n",
                          finding.wrong ? paint(Style::kRed, "wrong") : "note ",
                          finding.where,
                          finding.what);
      if (!finding.remedy.empty()) {
        text += fmt::format("        {}\n", finding.remedy);
      }
    }
    context.output().result(text);
  }

  Result<int> apply(Context& context, slurm::Settings settings) {
    if (!drain_.empty()) {
      MIG_ASSIGN_OR_RETURN(settings.drain, parse_duration("--drain", drain_));
    }
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    MIG_ASSIGN_OR_RETURN(const Spec spec, layout_.read(context.output()));
    const auto wish = [this, spec](const Inventory& now) { return layout_.resolve(spec, now); };
    MIG_TRY(wish(inventory));
    if (dry_run_) {
      ExecuteOptions options;
      options.dry_run = true;
      return execute(context, service::wish_layout(wish), options);
    }
    service::ChangeOptions options;
    options.command = context.command_line;
    options.reason = reason_;
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    const StopOnSignal stop;
    options.stop = &StopOnSignal::requested;
    SlurmWords words(context.output());
    const auto left = slurm::end_left_layout(settings, *node, leases_of(context), words);
    if (!left && left.error().code != ErrorCode::kConflict) {  // which this change puts right
      return left.error();
    }
    return told(context, slurm::apply(settings, *node, service::wish_layout(wish), options, words));
  }

  static Result<int> recover(Context& context, const slurm::Settings& settings) {
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    const StopOnSignal stop;  // a recovery must not stop half-way
    SlurmWords words(context.output());
    MIG_ASSIGN_OR_RETURN(const auto left,
                         slurm::end_left_layout(settings, *node, leases_of(context), words));
    auto done = slurm::recover(settings, *node, words);
    if (done && left && done->outcome == "nothing") {
      done->outcome = "taken_back";
      MIG_ASSIGN_OR_RETURN(const Inventory now, node->inventory(node::Age::fresh()));
      MIG_ASSIGN_OR_RETURN(done->files, slurm::files_of_machine(settings, *node, now));
    }
    return told(context, std::move(done));
  }

  static slurm::OpenLeases leases_of(Context& context) {
    return [&context] {
      return client::LeaseClient::open(client_options(context), open_node(context));
    };
  }

  static Result<int> told(Context& context, Result<slurm::Switched> done) {
    if (!done) {
      return std::move(done).error();
    }
    const auto source = context.source_or_default();
    if (context.globals().json) {
      context.output().result(wire::slurm_change_document(*done, source));
      return 0;
    }
    std::string text = simulated_mark(source);
    text += text.empty() ? "" : ": ";
    const std::string gres = done->files.gres.empty() ? "no GPUs" : done->files.gres;
    if (done->outcome == "unchanged") {
      text += fmt::format("Node {} has this layout, and Slurm knows it: {}.\n", done->node, gres);
    } else if (done->outcome == "nothing") {
      text += "Nothing to recover: every change of the Slurm node has ended.\n";
    } else if (done->outcome == "taken_back") {
      text += fmt::format("Node {} is as it was before the change: {}.\n", done->node, gres);
    } else {
      text += fmt::format("Node {} is {} with {} (before: {}).\n",
                          done->node,
                          done->outcome == "applied" ? "changed, and in use again" : "recovered",
                          gres,
                          done->before.empty() ? "none" : done->before);
    }
    context.output().result(text);
    return 0;
  }

  static Result<int> for_job(Context& context,
                             const slurm::Settings& settings,
                             const std::string& verb) {
    MIG_ASSIGN_OR_RETURN(const slurm::JobWords job, slurm::parse_job(slurm::slurm_variables()));
    const slurm::OpenLeases leases = leases_of(context);
    if (verb == "task-prolog") {
      return for_task(context, settings, job);
    }
    SlurmWords words(context.output());
    if (verb == "epilog") {
      // Leases first: what runs on the instances ends with them.
      MIG_TRY(slurm::epilog(settings, job, leases));
      if (!settings.job_layouts.empty()) {
        MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
        MIG_TRY(slurm::end_job_layout(settings, *node, job.id, words));
      }
      return 0;
    }
    std::vector<std::string> notes;
    if (settings.job_layouts.empty()) {
      MIG_ASSIGN_OR_RETURN(notes, prolog_of(settings, job, leases));
    } else {
      MIG_ASSIGN_OR_RETURN(notes, prolog_with_layout(context, settings, job, leases, words));
    }
    for (const std::string& note : notes) {
      context.output().message(fmt::format("migctl: job {}: {}\n", job.id, note));
    }
    return 0;
  }

  static Result<int> for_task(Context& context,
                              const slurm::Settings& settings,
                              const slurm::JobWords& job) {
    if (!settings.job_layouts.empty()) {
      MIG_ASSIGN_OR_RETURN(const auto task, slurm::task_of_layout(settings, job));
      if (task) {
        context.output().result(task->lines);
        return task->refused ? error_info(ErrorCode::kNotApplied).exit_code : 0;
      }
    }
    MIG_ASSIGN_OR_RETURN(const std::string lines, slurm::task_prolog(settings, job));
    context.output().result(lines);
    return 0;
  }

  static Result<std::vector<std::string>> prolog_of(const slurm::Settings& settings,
                                                    const slurm::JobWords& job,
                                                    const slurm::OpenLeases& leases) {
    if (job.devices.empty()) {
      return std::vector<std::string>();
    }
    MIG_ASSIGN_OR_RETURN(const auto all, slurm::devices_of_files(settings));
    return slurm::prolog(settings, job, all, leases);
  }

  static Result<std::vector<std::string>> prolog_with_layout(Context& context,
                                                             const slurm::Settings& settings,
                                                             slurm::JobWords job,
                                                             const slurm::OpenLeases& leases,
                                                             SlurmWords& words) {
    if (!job.devices.empty()) {
      // A layout that is there yet is of a job without an epilog: it had all of the node's GPUs.
      MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
      MIG_ASSIGN_OR_RETURN(const auto earlier, slurm::job_with_layout(*node));
      if (earlier) {
        slurm::JobWords over;
        over.id = *earlier;
        MIG_TRY(slurm::epilog(settings, over, leases));
        MIG_TRY(slurm::end_job_layout(settings, *node, over.id, words));
      }
    }
    const auto asked = slurm::layout_asked(job.constraints);
    if (asked && !*asked) {
      return prolog_of(settings, job, leases);
    }
    const auto refused = [&](const Error& why) -> Result<std::vector<std::string>> {
      MIG_TRY(slurm::refuse_job(settings, job, why));
      return std::vector<std::string>{"refused: " + why.text()};
    };
    if (!asked) {
      return refused(asked.error());
    }
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    auto devices = slurm::begin_job_layout(settings, *node, job, **asked, words);
    if (!devices) {
      return devices.error().code == ErrorCode::kStuck ? std::move(devices).error()
                                                       : refused(devices.error());
    }
    job.devices.clear();
    for (const slurm::Device& device : *devices) {
      job.devices.push_back(device.index);
    }
    auto notes = slurm::prolog(settings, job, *devices, leases);
    if (!notes) {
      MIG_TRY(slurm::end_job_layout(settings, *node, job.id, words));
      return refused(notes.error());
    }
    return notes;
  }

  std::vector<std::string> words_;
  slurm::Said said_;
  LayoutFile layout_;
  std::string drain_, reason_;
  bool write_ = false;
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Command> make_slurm() {
  return std::make_unique<SlurmCommand>();
}

}  // namespace mig::cli
