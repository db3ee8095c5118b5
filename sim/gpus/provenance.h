// SPDX-License-Identifier: Apache-2.0
// Provenance: the source of each figure of a board file. Included by .cc files only (heavy).
#ifndef MIGCTL_SIM_GPUS_PROVENANCE_H_
#define MIGCTL_SIM_GPUS_PROVENANCE_H_

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "sim/gpus/strict_json.h"

namespace migsim {

// Reads block.provenance, a list of {of, kind, source, driver, date}. Error unless every non-null
// figure of the block is named in exactly one `of`.
void check_provenance(ObjectReader& block, const nlohmann::json& value, std::string& error);

// Provenance by label: block.sources is {label: {kind, source, driver, date}}, and objects inside
// have `from`, {group of figures: label}.
class Sources {
 public:
  // Reads block.sources.
  Sources(ObjectReader& block, std::string& error);

  // Reads object.from, which must have exactly these groups, each with a label of block.sources.
  void check_from(ObjectReader& object, std::span<const std::string_view> groups);

  // Error when a source is referenced nowhere.
  void finish(ObjectReader& block);

 private:
  std::map<std::string, int, std::less<>> named_;
  std::string& error_;
};

}  // namespace migsim

#endif  // MIGCTL_SIM_GPUS_PROVENANCE_H_
