// SPDX-License-Identifier: Apache-2.0
#include "model/sample.h"

namespace mig {

const char* name_of(ActivitySource source) {
  switch (source) {
    case ActivitySource::kUnknown:
      return "unknown";
    case ActivitySource::kGpm:
      return "gpm";
    case ActivitySource::kDcgm:
      return "dcgm";
  }
  return "unknown";
}

}  // namespace mig
