// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "expose/negotiate.h"
#include "http/gzip.h"

namespace mig::daemon {
namespace {

// A form that nobody asked for during this time is no longer rendered ahead: four scrapes at
// Prometheus' usual interval.
constexpr std::chrono::minutes kAskedOfLate{4};
// Readings are withdrawn when the next sample is three intervals late; samples in quick succession
// are given so much time at least.
constexpr int kIntervalsLate = 3;
constexpr std::chrono::seconds kLeastLate{3};
// After the first tick, whose interval is not known: three of the longest usual ones, 10 s.
constexpr std::chrono::seconds kFirstLate{30};

std::string field_of(const http::Request& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? std::string() : found->second;
}

std::chrono::nanoseconds time_until_late(const MachineSample& sample) {
  if (sample.interval_seconds <= 0) {
    return kFirstLate;
  }
  const auto interval = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(std::clamp(sample.interval_seconds, 0.0, 3600.0)));
  return std::max<std::chrono::nanoseconds>(kIntervalsLate * interval, kLeastLate);
}

}  // namespace

Result<expose::Dialect> dcgm_dialect(const std::string& what, const std::string& word) {
  const auto dialect = expose::parse_dialect(word);
  if (!dialect) {
    return fail(ErrorCode::kUsage,
                fmt::format("{} is {}", what, base::quoted(word)),
                "it is one of: off, legacy, 4.9");
  }
  return *dialect;
}

void Metrics::add_to(http::Router& router) {
  router.add(
      "GET", "/metrics", {"dcgm"}, [this](const http::Request& request, const http::Reply& reply) {
        const auto form = form_of(request);
        if (!form) {
          return reply(http::refusal(form.error(), writer_));
        }
        auto body = page(*form);
        if (!body) {
          return reply(http::refusal(body.error(), writer_));
        }
        http::Response response{200, "", content_type(form->format), {}};
        response.shared_body = *std::move(body);
        response.headers.emplace_back("Vary", "Accept, Accept-Encoding, Authorization");
        if (form->packed) {
          response.headers.emplace_back("Content-Encoding", "gzip");
        }
        reply(std::move(response));
      });
}

Result<Metrics::Form> Metrics::form_of(const http::Request& request) const {
  Form form;
  MIG_ASSIGN_OR_RETURN(form.jobs, sources_.sees_jobs(request));
  form.format = expose::format_for(field_of(request, "accept"));
  form.packed = expose::gzip_for(field_of(request, "accept-encoding"));
  form.dialect = dialect_;
  if (const std::string* word = http::value_of(request, "dcgm")) {
    MIG_ASSIGN_OR_RETURN(form.dialect, dcgm_dialect("the query parameter dcgm", *word));
  }
  return form;
}

void Metrics::look_at_sample() {
  const auto now = clock_.monotonic();
  const std::shared_ptr<const MachineSample> latest = sources_.latest();
  if (latest != seen_) {
    seen_ = latest;
    seen_at_ = now;
  }
  std::shared_ptr<const MachineSample> shown = seen_;
  if (seen_->withdrawn.empty() && now - seen_at_ > time_until_late(*seen_)) {
    shown = shown_ != seen_ && shown_ != nullptr && shown_->tick == seen_->tick
                ? shown_
                : std::make_shared<const MachineSample>(expose::withdrawn(
                      *seen_, "the sampler has finished no tick for three intervals"));
  }
  if (shown == shown_) {
    return;
  }
  shown_ = std::move(shown);
  figures_.reset();
  families_.clear();
  for (auto& [form, page] : pages_) {
    page.body.reset();
  }
}

Result<std::shared_ptr<const std::string>> Metrics::page(const Form& form) {
  look_at_sample();
  Page& page = pages_[form];
  page.asked = clock_.monotonic();
  if (page.body == nullptr) {
    MIG_ASSIGN_OR_RETURN(std::string text, rendered(form));
    page.body = std::make_shared<const std::string>(std::move(text));
  }
  return page.body;
}

Result<std::string> Metrics::rendered(const Form& form) {
  if (form.packed) {
    Form plain = form;
    plain.packed = false;
    const auto known = pages_.find(plain);
    if (known != pages_.end() && known->second.body != nullptr) {
      return http::gzip(*known->second.body);
    }
    MIG_ASSIGN_OR_RETURN(const std::string text, rendered(plain));
    return http::gzip(text);
  }
  if (!figures_) {
    figures_ = sources_.figures();
  }
  // Both formats are written from the same families.
  const std::pair key(form.dialect, form.jobs);
  auto families = families_.find(key);
  if (families == families_.end()) {
    families = families_
                   .emplace(key,
                            expose::families_of(
                                *shown_, *figures_, {form.format, form.dialect, form.jobs}))
                   .first;
  }
  return to_text(families->second, form.format);
}

void Metrics::next_tick() {
  look_at_sample();
  const auto now = clock_.monotonic();
  std::erase_if(pages_,
                [now](const auto& entry) { return now - entry.second.asked > kAskedOfLate; });
  for (auto& [form, page] : pages_) {  // a plain form comes before its packed one
    if (page.body == nullptr) {
      if (auto body = rendered(form)) {
        page.body = std::make_shared<const std::string>(std::move(*body));
      }
    }
  }
  families_.clear();  // what else is asked for is rare
}

}  // namespace mig::daemon
