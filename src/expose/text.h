// SPDX-License-Identifier: Apache-2.0
// Families as text: Prometheus' exposition format 0.0.4, and OpenMetrics 1.0. Measured against
// prometheus-cpp in docs/adr/0014-exposition-writer.md, which is the oracle of its test.
//
// OpenMetrics names differ: a counter family is named without "_total" and its sample with it, an
// info family without "_info"; a family that ends in a base unit says so in "# UNIT". A counter
// whose name does not end in "_total" (DCGM's) is of type unknown there, as the format demands.
#ifndef MIGCTL_EXPOSE_TEXT_H_
#define MIGCTL_EXPOSE_TEXT_H_

#include <string>

#include "expose/family.h"

namespace mig::expose {

enum class Format { kText, kOpenMetrics };

// Value of the header Content-Type.
const char* content_type(Format format);

std::string to_text(const Families& families, Format format);

}  // namespace mig::expose

#endif  // MIGCTL_EXPOSE_TEXT_H_
