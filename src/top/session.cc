// SPDX-License-Identifier: Apache-2.0
#include "top/session.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "base/unix_time.h"
#include "top/fetcher.h"
#include "top/frame.h"
#include "top/host.h"
#include "top/keys.h"
#include "top/screen.h"
#include "top/send_signal.h"

namespace mig::top {
namespace {

constexpr std::chrono::milliseconds kClockTick{1000};

class Session {
 public:
  Session(SessionOptions options, Screen& screen, Fetcher& fetcher)
      : options_(std::move(options)), screen_(screen), fetcher_(fetcher), view_(options_.view) {
    content_.source = options_.source.name;
  }

  void run() {
    bool alive = true;
    while (alive && !quit_ && !options_.stop()) {
      screen_.suspend_if_asked();
      take();
      frame_ = draw(screen_.size(), content_, view_);
      screen_.show(frame_.grid);
      alive = screen_.wait(fetcher_.descriptor(), kClockTick);
      while (const auto input = screen_.read()) {
        obey(*input);
      }
    }
  }

 private:
  void take() {
    if (auto fetched = fetcher_.take()) {
      if (fetched->sample) {
        content_.note(*std::move(fetched->sample), base::unix_ms());
        content_.processes = std::move(fetched->processes);
        content_.users = std::move(fetched->users);
        forget_gone(view_, content_);
      } else {
        content_.trouble = fetched->sample.error().text();
      }
    }
    if (auto desired = fetcher_.take_desired()) {
      content_.desired.asked = true;
      content_.desired.trouble = *desired ? "" : desired->error().text();
      content_.desired.gpus = *desired ? **std::move(desired) : std::vector<DesiredGpu>();
    }
    if (auto plan = fetcher_.take_plan()) {
      content_.preview.ready = true;
      content_.preview.at_ms = base::unix_ms();
      content_.preview.trouble = *plan ? "" : plan->error().text();
      content_.preview.plan = *plan ? **std::move(plan) : Plan();
    }
    if (!view_.paused) {
      content_.tick(base::unix_ms());
    }
  }

  void obey(const Input& input) {
    const std::int64_t interval = view_.interval_ms;
    const bool paused = view_.paused;
    const Click* at = std::get_if<Click>(&input);
    Effects effects = at != nullptr ? click(view_, content_, frame_.hits, at->x, at->y)
                                    : press(view_, content_, std::get<Key>(input));
    quit_ = quit_ || effects.quit;
    if (view_.interval_ms != interval) {
      fetcher_.interval(view_.interval_ms);
    }
    if (view_.paused != paused) {
      fetcher_.pause(view_.paused);
    }
    if (effects.ask_desired) {
      fetcher_.ask_desired();
    }
    if (effects.ask_plan) {
      content_.preview = {view_.layout, false, "", 0, {}};
      fetcher_.ask_plan(view_.layout);
    }
    if (effects.signal) {
      view_.message = carry_out(options_.proc, *effects.signal);
    }
  }

  SessionOptions options_;
  Screen& screen_;
  Fetcher& fetcher_;
  View view_;
  Content content_;
  Frame frame_;
  bool quit_ = false;
};

}  // namespace

Result<Content> content_now(const Source& source, const std::string& proc) {
  MIG_ASSIGN_OR_RETURN(MachineSample sample, source.sample());
  Content content;
  Host host(proc);
  content.source = source.name;
  content.processes = host.processes(sample);
  content.users = host.users(sample);
  auto facts = content.processes;
  content.note(std::move(sample), base::unix_ms());
  content.processes = std::move(facts);
  return content;
}

Result<void> run_session(SessionOptions options) {
  options.view.unicode = options.view.unicode && use_locale();
  MIG_ASSIGN_OR_RETURN(std::unique_ptr<Screen> screen, Screen::open(options.mouse));
  MIG_ASSIGN_OR_RETURN(const std::unique_ptr<Fetcher> fetcher,
                       Fetcher::start(options.source, options.proc, options.view.interval_ms));
  Session(std::move(options), *screen, *fetcher).run();
  screen.reset();  // the terminal is back before the thread is waited for
  return {};
}

}  // namespace mig::top
