// SPDX-License-Identifier: Apache-2.0
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/core.h>

#include "base/proc_root.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/stop_on_signal.h"
#include "cli/top_source.h"
#include "cli/units.h"
#include "top/frame.h"
#include "top/screen.h"
#include "top/session.h"
#include "wire/sample.h"

namespace mig::cli {
namespace {

// Columns for --once: the terminal's, else $COLUMNS, else 80.
int columns_of(std::FILE* out) {
  constexpr int kUsual = 80;
  winsize size{};
  if (::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col != 0) {
    return size.ws_col;
  }
  const char* text = std::getenv("COLUMNS");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  const auto columns = base::parse_decimal(text == nullptr ? "" : text, top::Grid::kMostColumns);
  return columns && *columns > 0 ? static_cast<int>(*columns) : kUsual;
}

class Top final : public Command {
 public:
  CommandText text() const override {
    return {"top",
            "Watch GPUs, instances, tenants and processes on the terminal.",
            "Each GPU with its strip of slots, coloured by tenant, its instances and the last "
            "minute; below, the processes of what is selected. h shows the keys (those of nvtop "
            "and nvitop). Readings come from the daemon where it runs, else from the driver. ? = "
            "the driver does not tell, and Enter says why (docs/howto/top.md).",
            {"top", "top --interval 500ms --readonly", "--sim lab top --once"},
            {ErrorCode::kNoDriver, ErrorCode::kDeviceLost, ErrorCode::kTimeout, ErrorCode::kIo}};
  }

  void declare(Options& options) override {
    options.flag({"--once", "", "print one frame as text and end"}, once_);
    options.text({"--interval", "TIME", "time between samples, 100ms to 60s (default: 1s)"},
                 interval_);
    options.flag({"--readonly", "", "without the keys that signal processes"}, readonly_);
    options.flag({"--no-mouse", "", "leave the mouse to the terminal"}, no_mouse_);
  }

  Result<int> run(Context& context) override {
    MIG_ASSIGN_OR_RETURN(const std::int64_t interval_ms, interval());
    Output& output = context.output();
    const bool once = context.globals().json || once_;
    MIG_ASSIGN_OR_RETURN(const TopSource source, top_source(context, once));
    top::View view;
    view.interval_ms = interval_ms;
    view.readonly = readonly_;
    view.uid = ::geteuid();
    view.color = output.paint().on();
    auto code = once ? print_once(context, source.source, std::move(view))
                     : watch(source.source, std::move(view));
    if (!source.end()) {
      give_up(output, code);
    }
    return code;
  }

 private:
  Result<std::int64_t> interval() const {
    if (interval_.empty()) {
      return top::View{}.interval_ms;
    }
    MIG_ASSIGN_OR_RETURN(const auto time, parse_duration("--interval", interval_));
    if (time.count() < top::kShortestIntervalMs || time.count() > top::kLongestIntervalMs) {
      return fail(ErrorCode::kUsage, "--interval " + interval_ + " is not from 100ms to 60s");
    }
    return time.count();
  }

  Result<int> watch(const top::Source& source, top::View view) const {
    const StopOnSignal stop;
    MIG_TRY(top::run_session({std::move(view),
                              source,
                              base::proc_root(),
                              [] { return StopOnSignal::requested.load(); },
                              !no_mouse_}));
    constexpr int kSignalled = 128;
    return StopOnSignal::requested ? kSignalled + StopOnSignal::signal : 0;
  }

  // Ends the process while a thread hangs in the driver, past its destructors.
  [[noreturn]] static void give_up(Output& output, const Result<int>& code) {
    if (!code) {
      output.message("migctl: " + code.error().text() + "\n");
    }
    std::_Exit(output.finish(code ? *code : error_info(code.error().code).exit_code));
  }

  Result<int> print_once(Context& context, const top::Source& source, top::View view) const {
    MIG_ASSIGN_OR_RETURN(const top::Content content, top::content_now(source, base::proc_root()));
    context.set_source({content.sample.simulated, content.sample.simulated_machine});
    Output& output = context.output();
    if (context.globals().json) {
      output.result(wire::sample_document(content.sample));
      return 0;
    }
    view.unicode = top::use_locale();
    view.plots = false;  // nobody watched for a minute
    view.once = true;
    const int width = columns_of(output.out());
    const top::Frame frame =
        top::draw({width, top::whole_height(width, content, view)}, content, view);
    output.raw(top::text_of(frame.grid, view.color));
    return 0;
  }

  std::string interval_;
  bool once_ = false, readonly_ = false, no_mouse_ = false;
};

}  // namespace

std::unique_ptr<Command> make_top() {
  return std::make_unique<Top>();
}

}  // namespace mig::cli
