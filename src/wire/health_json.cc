// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "wire/document.h"
#include "wire/health.h"

namespace mig::wire {

std::string health_document(const std::vector<HealthPart>& parts,
                            const std::string& version,
                            const Source& source) {
  const bool well = std::all_of(
      parts.begin(), parts.end(), [](const HealthPart& part) { return part.trouble.empty(); });
  Json document = begin_document("Health", source);
  document["status"] = well ? "ok" : "degraded";
  document["version"] = version;
  document["parts"] = Json::array();
  for (const HealthPart& part : parts) {
    document["parts"].push_back(Json{{"name", part.name},
                                     {"ok", part.trouble.empty()},
                                     {"trouble", text_or_null(part.trouble)}});
  }
  return finish(document);
}

}  // namespace mig::wire
