// SPDX-License-Identifier: Apache-2.0
#include "expose/negotiate.h"

#include <string>

#include <gtest/gtest.h>

namespace mig::expose {
namespace {

TEST(Format, IsWhatTheScraperPrefers) {
  // Prometheus 2.42, Prometheus 3, curl, a browser, none.
  EXPECT_EQ(format_for("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                       "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            Format::kOpenMetrics);
  EXPECT_EQ(format_for("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                       "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.1"),
            Format::kOpenMetrics);
  EXPECT_EQ(format_for("*/*"), Format::kText);
  EXPECT_EQ(format_for("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            Format::kText);
  EXPECT_EQ(format_for(""), Format::kText);
}

TEST(Format, FollowsQualityAndVersion) {
  EXPECT_EQ(format_for("text/plain;q=0.9, application/openmetrics-text;q=0.5"), Format::kText);
  EXPECT_EQ(format_for("text/plain;q=0.5, application/openmetrics-text;q=0.9"),
            Format::kOpenMetrics);
  EXPECT_EQ(format_for("application/openmetrics-text;q=0"), Format::kText);
  EXPECT_EQ(format_for("application/openmetrics-text;version=2.0.0"), Format::kText);
  EXPECT_EQ(format_for("Application/OpenMetrics-Text; Version=\"1.0.0\""), Format::kOpenMetrics);
}

TEST(Format, PassesOverWhatIsMalformed) {
  for (const char* header : {";",
                             ",,,",
                             "application/openmetrics-text;q",
                             "a;q=2",
                             "=;=",
                             "application/openmetrics-text;q=nan",
                             "application/openmetrics-text;q=1e999"}) {
    EXPECT_EQ(format_for(header), Format::kText) << header;
  }
}

TEST(Gzip, IsTakenWhenAccepted) {
  EXPECT_TRUE(gzip_for("gzip"));
  EXPECT_TRUE(gzip_for("deflate, gzip;q=0.5"));
  EXPECT_TRUE(gzip_for("*"));
  EXPECT_FALSE(gzip_for(""));
  EXPECT_FALSE(gzip_for("identity"));
  EXPECT_FALSE(gzip_for("gzip;q=0, *"));
  EXPECT_FALSE(gzip_for("gzip;q=zzz"));
}

}  // namespace
}  // namespace mig::expose
