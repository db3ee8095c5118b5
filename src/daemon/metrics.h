// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: GET /metrics (docs/reference/metrics.md). A page is rendered from the latest
// sample once for each tick and form (format, dialect, view, coding), and kept until the next tick;
// forms that were asked for of late are rendered ahead, so that scrapers find them ready. Never
// calls the driver.
//
// Threading: on the daemon's thread.
#ifndef MIGCTL_DAEMON_METRICS_H_
#define MIGCTL_DAEMON_METRICS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "mig/result.h"

#include "base/clock.h"
#include "expose/render.h"
#include "http/router.h"
#include "http/server.h"
#include "model/sample.h"

namespace mig::daemon {

// The word "off", "legacy" or "4.9", which `what` was given as.
Result<expose::Dialect> dcgm_dialect(const std::string& what, const std::string& word);

class Metrics {
 public:
  struct Sources {
    std::function<std::shared_ptr<const MachineSample>()> latest;  // never nullptr
    // Called once for each tick that is shown.
    std::function<expose::NodeFigures()> figures;
    // Whether the client may see the leases of others, and with them the names of jobs; an Error:
    // it may not look at all.
    std::function<Result<bool>(const http::Request&)> sees_jobs;
  };

  Metrics(Sources sources,
          expose::Dialect dialect,
          http::ErrorWriter writer,
          base::Clock& clock = base::system_clock())
      : sources_(std::move(sources)),
        dialect_(dialect),
        writer_(std::move(writer)),
        clock_(clock) {}

  // Adds GET /metrics. The router must not be used after this object's end.
  void add_to(http::Router& router);

  // DCGM's names in pages that a request does not ask otherwise for.
  void set_dialect(expose::Dialect dialect) { dialect_ = dialect; }

  // There is a new sample.
  void next_tick();

 private:
  // What a page depends on beside the sample. `packed`: gzip.
  struct Form {
    expose::Format format = expose::Format::kText;
    expose::Dialect dialect = expose::Dialect::kOff;
    bool jobs = false;
    bool packed = false;
    auto operator<=>(const Form&) const = default;
  };

  struct Page {
    std::shared_ptr<const std::string> body;  // nullptr: to be rendered
    std::chrono::nanoseconds asked{};
  };

  Result<Form> form_of(const http::Request& request) const;
  // The page in that form, of the latest sample.
  Result<std::shared_ptr<const std::string>> page(const Form& form);
  Result<std::string> rendered(const Form& form);
  // Drops pages of an older sample, and readings of a sampler that no longer delivers.
  void look_at_sample();

  Sources sources_;
  expose::Dialect dialect_;
  http::ErrorWriter writer_;
  base::Clock& clock_;
  std::shared_ptr<const MachineSample> seen_;   // the sample of the pages
  std::shared_ptr<const MachineSample> shown_;  // the same, or without its readings
  std::chrono::nanoseconds seen_at_{};
  std::optional<expose::NodeFigures> figures_;
  std::map<std::pair<expose::Dialect, bool>, expose::Families> families_;  // of the shown sample
  std::map<Form, Page> pages_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_METRICS_H_
