// SPDX-License-Identifier: Apache-2.0
#include "advise/student.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <math.h>

namespace mig::advise {
namespace {

// Logarithm of the gamma function for positive x; std::lgamma is not thread-safe.
double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

// Continued fraction of the incomplete beta function (Lentz's method).
double beta_fraction(double a, double b, double x) {
  constexpr int kMost = 300;
  constexpr double kEnough = 1e-15;
  constexpr double kTiny = 1e-300;
  const auto not_zero = [](double value) { return std::fabs(value) < kTiny ? kTiny : value; };
  double c = 1;
  double d = 1 / not_zero(1 - (a + b) * x / (a + 1));
  double h = d;
  for (int m = 1; m <= kMost; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / not_zero(1 + even * d);
    c = not_zero(1 + even / c);
    h *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / not_zero(1 + odd * d);
    c = not_zero(1 + odd / c);
    const double factor = d * c;
    h *= factor;
    if (std::fabs(factor - 1) < kEnough) {
      break;
    }
  }
  return h;
}

// Regularised incomplete beta function for a, b > 0 and x in [0, 1].
double incomplete_beta(double a, double b, double x) {
  if (x <= 0 || x >= 1) {
    return x <= 0 ? 0 : 1;
  }
  const double log_front =
      log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log1p(-x);
  const double front = std::exp(log_front);
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                   : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

}  // namespace

double student_cdf(double t, double freedom) {
  const double tail = incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2;
  return t > 0 ? 1 - tail : tail;
}

double student_t(double confidence, double freedom) {
  const double wanted = 0.5 + confidence / 2;
  double low = 0;
  double high = 1;
  while (student_cdf(high, freedom) < wanted && high < 1e12) {
    high *= 2;
  }
  constexpr int kHalvings = 100;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (student_cdf(middle, freedom) < wanted ? low : high) = middle;
  }
  return high;
}

std::optional<isolation::Estimate> paired_ratio(const std::vector<double>& first,
                                                const std::vector<double>& second,
                                                double confidence) {
  const std::size_t count = std::min(first.size(), second.size());
  if (count == 0) {
    return std::nullopt;
  }
  std::vector<double> logs;
  double mean = 0;
  for (std::size_t i = 0; i < count; ++i) {
    logs.push_back(std::log(second[i] / first[i]));
    if (!(first[i] > 0) || !(second[i] > 0) || !std::isfinite(logs.back())) {
      return std::nullopt;
    }
    mean += logs.back() / static_cast<double>(count);
  }
  isolation::Estimate estimate;
  estimate.value = std::exp(mean);
  if (count < 2) {
    return estimate;
  }
  double squares = 0;
  for (const double log : logs) {
    squares += (log - mean) * (log - mean);
  }
  const auto freedom = static_cast<double>(count - 1);
  const double error = std::sqrt(squares / freedom / static_cast<double>(count));
  const double half = student_t(confidence, freedom) * error;
  estimate.low = std::exp(mean - half);
  estimate.high = std::exp(mean + half);
  return estimate;
}

}  // namespace mig::advise
