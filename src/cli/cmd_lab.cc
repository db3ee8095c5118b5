// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/find_program.h"
#include "base/strings.h"
#include "base/unix_time.h"
#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/render_lab.h"
#include "cli/select.h"
#include "cli/stop_on_signal.h"
#include "lab/course.h"
#include "lab/judge.h"
#include "lab/student.h"
#include "report/report.h"
#include "wire/lab.h"
#include "wire/report.h"

namespace mig::cli {
namespace {

constexpr const char* kReport = "mig_lab_report.html";
constexpr const char* kMachine = "lab";
// In every HTML and Markdown file of ours: what has it may be written again.
constexpr const char* kMark = "GPU sharing with Multi-Instance GPU: the lab";
constexpr std::size_t kMarkWithin = std::size_t{64} << 10U;

// Before minutes of work: the folder can be written, and the file is none of another program's.
Result<void> check_target(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  if (::access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) != 0) {
    return base::errno_error("write into the folder of", file, errno);
  }
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    return {};
  }
  // A pipe would be waited for, without end.
  MIG_ASSIGN_OR_RETURN(const base::Fd open,
                       base::open_file(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string begin(kMarkWithin, '\0');
  const ssize_t size = ::read(open.get(), begin.data(), begin.size());
  begin.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  if (begin.find(kMark) == std::string::npos) {
    return fail(ErrorCode::kConflict,
                base::quoted(file) + " is there, and migctl lab did not write it",
                "name another one with --report or --markdown");
  }
  return {};
}

class Lab final : public Command {
 public:
  CommandText text() const override {
    return {
        "lab",
        "Run the MIG lab from the first exercise to the last, or set and judge one.",
        "Without a word: every exercise in order, on a simulated machine of its own that is gone "
        "afterwards, and a report of it: commands with what they printed, throughput, isolation, "
        "utilisation, sizes, cost, all answers, and what is wrong in the lab's own text. --real "
        "runs it on the GPU of this machine, which must be empty, and puts it back; --read-only "
        "changes nothing there. --sim NAME (before `lab`) takes an existing simulated machine. An "
        "expectation that is not met makes the report say so, and the exit code 22.\n"
        "list shows the exercises. exercise N makes a machine in the state in which exercise N "
        "begins, and prints the task. check N judges a student's machine and says what is there, "
        "what is missing, which command shows it, why, and what to do next (exit code 22: not "
        "yet). class makes such machines for many, shows who is where, and removes them.",
        {"lab",
         "lab --only 3.1,3.2 --report isolation.html",
         "lab --real --read-only",
         "lab exercise 2.2",
         "--sim lab lab check 2.2",
         "--sim lab lab check 1.2 --answers 7,19.5,28",
         "lab class --students 12 --exercise 2.2",
         "lab class",
         "lab class --remove"},
        {ErrorCode::kInvalidInput,
         ErrorCode::kNothingMatched,
         ErrorCode::kNotFound,
         ErrorCode::kPermission,
         ErrorCode::kInUse,
         ErrorCode::kConflict,
         ErrorCode::kNoDriver,
         ErrorCode::kIo,
         ErrorCode::kFindings}};
  }

  std::vector<std::string> first_words() const override {
    return {"run", "list", "exercise", "check", "class"};
  }

  void declare(Options& options) override {
    options.positional(
        {"run|list|exercise|check|class [N]", "", "what to do (run), and the exercise"},
        words_,
        false);
    options.flag({"--real", "", "run: on the GPU of this machine"}, real_);
    options.flag({"--read-only", "", "run: with --real or --sim, change no mode and no instance"},
                 read_only_);
    options.list({"--only", "N", "run: only these: 3.1,3.2; bonus; deliverables"}, only_);
    options.text({"--report", "FILE", "run: the report (mig_lab_report.html)"}, report_);
    options.text({"--markdown", "FILE", "run: the report as Markdown too"}, markdown_);
    options.text({"--board", "BOARD", "the simulated machine's (a100-sxm4-40gb)"}, board_);
    options.text({"-i,--gpu", "GPU", "run: index, UUID or PCI bus id (0)"}, gpu_);
    options.text({"--image", "IMAGE", "run: start containers of it, one on each instance"}, image_);
    options.list({"--answers", "ANSWER", "check 1.2: the three answers"}, answers_);
    options.text({"--machine", "NAME", "exercise: of the machine that is made (lab)"}, machine_);
    options.number({"--students", "N", "class: make machines for so many, 1 to 100"}, students_);
    options.text({"--exercise", "N", "class: that is set (2.2), or looked at"}, exercise_);
    options.flag({"--remove", "", "class: remove its machines"}, remove_);
  }

  Result<int> run(Context& context) override {
    const std::string verb = words_.empty() ? "run" : words_.front();
    MIG_TRY(check_words(verb));
    if (verb == "list") {
      return list(context);
    }
    const StopOnSignal stop;  // what was made is removed, whatever stops the lab
    if (verb == "exercise") {
      return exercise(context);
    }
    if (verb == "check") {
      return check(context);
    }
    return verb == "class" ? class_room(context) : course(context);
  }

 private:
  Result<void> check_words(const std::string& verb) const {
    const auto verbs = first_words();
    if (std::find(verbs.begin(), verbs.end(), verb) == verbs.end()) {
      return fail(ErrorCode::kUsage,
                  "lab: run, list, exercise, check or class is expected, not " + base::quoted(verb),
                  "migctl lab --help shows how it is used");
    }
    const std::size_t most = verb == "exercise" || verb == "check" ? 2 : 1;
    if (words_.size() > most) {
      return fail(ErrorCode::kUsage,
                  "lab " + verb + ": " + base::quoted(words_[most]) + " is too much");
    }
    const bool run_flags = real_ || read_only_ || !only_.empty() || !report_.empty() ||
                           !markdown_.empty() || !gpu_.empty() || !image_.empty();
    if (verb != "run" && run_flags) {
      return fail(
          ErrorCode::kUsage,
          "lab " + verb +
              ": --real, --read-only, --only, --report, --markdown, --gpu and --image belong "
              "to a run");
    }
    if (!answers_.empty() && verb != "check") {
      return fail(ErrorCode::kUsage, "lab: --answers belongs to lab check 1.2");
    }
    if (verb != "class" && (students_ || !exercise_.empty() || remove_)) {
      return fail(ErrorCode::kUsage,
                  "lab: --students, --exercise and --remove belong to lab class");
    }
    return {};
  }

  static Result<const lab::Exercise*> named(const std::string& number) {
    const lab::Exercise* found = lab::find_exercise(number);
    if (found == nullptr) {
      return fail(ErrorCode::kUsage,
                  number.empty() ? "lab: which exercise?"
                                 : "lab: there is no exercise " + base::quoted(number),
                  "there are: " + base::join(lab::exercise_numbers(), ", "));
    }
    return found;
  }

  static Result<int> list(Context& context) {
    std::vector<lab::ExerciseRow> rows;
    for (const lab::Exercise& one : lab::exercises()) {
      rows.push_back({std::string(one.number), std::string(one.title), one.judged});
    }
    context.output().result(context.globals().json ? wire::lab_exercises_document(rows)
                                                   : lab_exercises_text(context.output().paint()));
    return 0;
  }

  lab::StudentTools tools(Context& context) const {
    lab::StudentTools tools;
    tools.migctl = base::own_program();
    tools.board = board_.empty() ? lab::kStudentBoard : board_;
    tools.stop = &StopOnSignal::requested;
    tools.tell = [&context](const std::string& machine) {
      context.output().progress("migctl: " + machine + " is ready\n");
    };
    return tools;
  }

  Result<int> exercise(Context& context) const {
    MIG_ASSIGN_OR_RETURN(const lab::Exercise* chosen, named(words_.size() > 1 ? words_[1] : ""));
    const std::string machine = machine_.empty() ? kMachine : machine_;
    MIG_TRY(lab::set_exercise(tools(context), machine, *chosen));
    context.output().result(lab_task_text(*chosen, machine, context.output().paint()));
    return 0;
  }

  Result<int> check(Context& context) const {
    MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
    std::string number = words_.size() > 1 ? words_[1] : "";
    if (number.empty() && inventory.simulated) {
      number = lab::exercise_on(tools(context), inventory.simulated_machine).value_or("");
    }
    MIG_ASSIGN_OR_RETURN(const lab::Exercise* chosen, named(number));
    if (!chosen->judged) {
      return fail(ErrorCode::kUsage,
                  fmt::format("lab: exercise {} cannot be judged by the machine's state", number),
                  "hand in: " + std::string(chosen->hand_in));
    }
    const lab::Verdict verdict = number == "1.2"
                                     ? lab::judge_answers(answers_, inventory, GpuIndex{0})
                                     : lab::judge(number, inventory, GpuIndex{0});
    const wire::Source source = context.source_or_default();
    context.output().result(context.globals().json
                                ? wire::lab_check_document(verdict, source)
                                : lab_check_text(verdict, source, context.output().paint()));
    return verdict.passed ? 0 : error_info(ErrorCode::kFindings).exit_code;
  }

  Result<int> class_room(Context& context) const {
    if (remove_) {
      MIG_ASSIGN_OR_RETURN(const auto gone, lab::remove_class(tools(context)));
      context.output().progress(
          fmt::format("migctl: {} removed\n", base::counted(gone.size(), "machine")));
      return 0;
    }
    if (students_) {
      if (*students_ < 1 || *students_ > lab::kMostStudents) {
        return fail(ErrorCode::kUsage, fmt::format("--students takes 1 to {}", lab::kMostStudents));
      }
      MIG_ASSIGN_OR_RETURN(const lab::Exercise* chosen,
                           named(exercise_.empty() ? "2.2" : exercise_));
      MIG_TRY(lab::make_class(tools(context), *students_, *chosen));
    }
    if (!exercise_.empty()) {
      MIG_TRY(named(exercise_));
    }
    MIG_ASSIGN_OR_RETURN(const auto rows,
                         lab::look_at_class(tools(context), students_ ? "" : exercise_));
    context.output().result(context.globals().json
                                ? wire::lab_class_document(rows)
                                : lab_class_text(rows, context.output().paint()));
    return 0;
  }

  Result<lab::CourseRequest> request_of(Context& context) const {
    const Globals& globals = context.globals();
    if (real_ && !globals.simulated.empty()) {
      return fail(ErrorCode::kUsage, "lab: --real excludes --sim");
    }
    if (read_only_ && !real_ && globals.simulated.empty()) {
      return fail(ErrorCode::kUsage, "lab: --read-only goes with --real, or --sim NAME before lab");
    }
    lab::CourseRequest request;
    request.bench.migctl = base::own_program();
    request.bench.workload = base::program_beside_us("mig-workload");
    request.bench.library_dir = sim_library_dir();
    request.bench.machine = globals.simulated;
    request.bench.real = real_;
    request.bench.stop = &StopOnSignal::requested;
    if (!board_.empty()) {
      request.bench.board = board_;
    }
    if (!gpu_.empty()) {
      MIG_ASSIGN_OR_RETURN(const Inventory inventory, context.inventory());
      MIG_ASSIGN_OR_RETURN(request.gpu, select_gpu(inventory, gpu_));
    }
    request.read_only = read_only_;
    request.only = only_;
    request.image = image_;
    request.program = fmt::format("migctl {}", MIG_VERSION);
    request.now_ms = base::unix_ms();
    request.tell = [&context](const std::string& line) {
      context.output().progress("migctl: " + line + "\n");
    };
    return request;
  }

  Result<int> course(Context& context) const {
    const std::string file = report_.empty() ? kReport : report_;
    MIG_TRY(check_target(file));
    if (!markdown_.empty()) {
      MIG_TRY(check_target(markdown_));
      if (std::filesystem::absolute(markdown_).lexically_normal() ==
          std::filesystem::absolute(file).lexically_normal()) {
        return fail(ErrorCode::kUsage, "lab: --report and --markdown name the same file");
      }
    }
    MIG_ASSIGN_OR_RETURN(const lab::CourseRequest request, request_of(context));
    MIG_ASSIGN_OR_RETURN(const lab::Outcome outcome, lab::run_course(request));
    if (outcome.stopped) {
      context.output().message("migctl: interrupted: no report is written, nothing is left\n");
      return 128 + StopOnSignal::signal;
    }
    MIG_TRY(base::write_file_atomic(file, report::report_html(outcome.report)));
    if (!markdown_.empty()) {
      MIG_TRY(base::write_file_atomic(markdown_, report::report_markdown(outcome.report)));
    }
    Output& output = context.output();
    if (context.globals().json) {
      output.result(wire::report_document(outcome.report));
    } else {
      output.result(summary(outcome, file));
    }
    return outcome.failed.empty() ? 0 : error_info(ErrorCode::kFindings).exit_code;
  }

  static std::string summary(const lab::Outcome& outcome, const std::string& file) {
    std::string text;
    if (outcome.report.simulated) {
      text += fmt::format("SIMULATED machine \"{}\"\n", outcome.report.simulated_machine);
    }
    text += fmt::format("{} run, {} of {} checks hold\n",
                        base::counted(outcome.done.size(), "part"),
                        outcome.checks - outcome.failed.size(),
                        outcome.checks);
    for (const std::string& one : outcome.failed) {
      text += "  does not hold: " + one + "\n";
    }
    for (const std::string& one : outcome.not_run) {
      text += "  not run: " + one + "\n";
    }
    return text + fmt::format("{} of the lab's own errors are named\nreport: {}\n",
                              outcome.lab_errors.size(),
                              file);
  }

  std::vector<std::string> words_, only_, answers_;
  std::string report_, markdown_, board_, gpu_, image_, machine_, exercise_;
  std::optional<std::uint32_t> students_;
  bool real_ = false, read_only_ = false, remove_ = false;
};

}  // namespace

std::unique_ptr<Command> make_lab() {
  return std::make_unique<Lab>();
}

}  // namespace mig::cli
