// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/api.h"
#include "expose/test_figures.h"
#include "model/testing/test_sample.h"

namespace mig::daemon {
namespace {

class MetricsTest : public testing::Test {
 protected:
  MetricsTest() : router_(error_writer({}), "docs/reference/metrics.md") {
    metrics_.add_to(router_);
  }

  http::Response get(const std::string& query = "",
                     const std::string& accept = "",
                     const std::string& encoding = "") {
    http::Request request;
    request.method = "GET";
    request.path = "/metrics";
    request.query = query;
    request.headers = {{"accept", accept}, {"accept-encoding", encoding}};
    http::Response answer;
    router_.handle(request, [&](http::Response response) { answer = std::move(response); });
    if (answer.shared_body) {
      answer.body = *answer.shared_body;
    }
    return answer;
  }

  void tick() {
    auto next = std::make_shared<MachineSample>(*sample_);
    ++next->tick;
    next->gpus[0].power_watts = 100.0 + static_cast<double>(next->tick);
    sample_ = std::move(next);
    metrics_.next_tick();
  }

  static bool has(const http::Response& answer, const std::string& text) {
    return answer.body.find(text) != std::string::npos;
  }

  base::ManualClock clock_;
  std::shared_ptr<const MachineSample> sample_ =
      std::make_shared<const MachineSample>(test_sample());
  Result<bool> sees_jobs_ = true;
  int figures_made_ = 0;
  Metrics metrics_{{[this] { return sample_; },
                    [this] {
                      ++figures_made_;
                      return expose::test_figures();
                    },
                    [this](const http::Request&) { return sees_jobs_; }},
                   expose::Dialect::kOff,
                   error_writer({}),
                   clock_};
  http::Router router_;
};

TEST_F(MetricsTest, AnswersInTheFormThatIsAskedFor) {
  const http::Response text = get();
  EXPECT_EQ(text.status, 200);
  EXPECT_EQ(text.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_FALSE(has(text, "DCGM_"));
  EXPECT_TRUE(has(get("dcgm=legacy"), "DCGM_FI_DEV_FB_USED"));
  EXPECT_TRUE(has(get("dcgm=4.9"), "DCGM_FI_DEV_FB_CAPACITY_BYTES"));
  const http::Response open = get("", "application/openmetrics-text;version=1.0.0");
  EXPECT_EQ(open.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_TRUE(has(open, "# EOF"));
  const http::Response packed = get("", "", "gzip");
  EXPECT_EQ(packed.body.substr(0, 2), "\x1f\x8b");
  EXPECT_LT(packed.body.size(), text.body.size() / 4);
  EXPECT_EQ(get("dcgm=nine").status, 400);
}

TEST_F(MetricsTest, GivesTheSameBytesUntilTheNextTick) {
  const std::string first = get().body;
  EXPECT_EQ(get().body, first);
  EXPECT_EQ(figures_made_, 1);
  tick();
  EXPECT_NE(get().body, first);
  EXPECT_TRUE(has(get(), " 143\n"));
  EXPECT_EQ(figures_made_, 2);
}

TEST_F(MetricsTest, RendersAheadOnlyWhatWasAskedForOfLate) {
  get();
  tick();
  EXPECT_EQ(figures_made_, 2);
  clock_.advance(std::chrono::minutes(5));
  tick();
  EXPECT_EQ(figures_made_, 2);
  get();
  EXPECT_EQ(figures_made_, 3);
}

// The sampler's thread is gone, or its samples no longer reach the daemon: nothing is repeated.
TEST_F(MetricsTest, WithdrawsReadingsOfASamplerThatIsLate) {
  EXPECT_TRUE(has(get(), "mig_gpu_power_watts"));
  clock_.advance(std::chrono::milliseconds(2900));
  EXPECT_TRUE(has(get(), "mig_gpu_power_watts"));
  clock_.advance(std::chrono::milliseconds(200));
  EXPECT_FALSE(has(get(), "gpu_uuid"));
  EXPECT_TRUE(has(get(), "mig_readings_withdrawn{simulated=\"true\"} 1"));
  EXPECT_TRUE(has(get(), R"(mig_collector_success{collector="topology",simulated="true"} 0)"));
  tick();
  EXPECT_TRUE(has(get(), "mig_gpu_power_watts"));
}

// The first tick has no interval, and where a board before Hopper is, the next comes after 10 s.
TEST_F(MetricsTest, TheFirstReadingsStayUntilTheSecondAreDue) {
  MachineSample first = *sample_;
  first.interval_seconds = 0;
  sample_ = std::make_shared<const MachineSample>(std::move(first));
  metrics_.next_tick();
  clock_.advance(std::chrono::seconds(12));
  EXPECT_TRUE(has(get(), "mig_gpu_power_watts"));
  clock_.advance(std::chrono::seconds(20));
  EXPECT_FALSE(has(get(), "mig_gpu_power_watts"));
}

TEST_F(MetricsTest, NamesJobsOnlyToThoseWhoMaySeeThem) {
  EXPECT_TRUE(has(get(), "uid=\"1001\""));
  sees_jobs_ = false;
  EXPECT_FALSE(has(get(), "uid=\"1001\""));
  EXPECT_TRUE(has(get(), "tenant=\"team-a\""));
  sees_jobs_ = fail(ErrorCode::kPermission, "the role may not look");
  EXPECT_EQ(get().status, 403);
}

}  // namespace
}  // namespace mig::daemon
