// SPDX-License-Identifier: Apache-2.0
// Inside of config/: anchors and aliases of a YAML text, and merge keys ("<<"), for files whose
// owners write them (Compose). A copy for each alias, within a limit on all nodes of the text.
//
// Threading: one Aliases for one text. Errors: kInvalidInput with the position.
#ifndef MIGCTL_CONFIG_ALIASES_H_
#define MIGCTL_CONFIG_ALIASES_H_

#include <cstddef>
#include <map>

#include "mig/result.h"

#include "config/document.h"

namespace mig::config {

class Aliases {
 public:
  // False: the text has more than kMostNodes.
  bool spend(std::size_t nodes);

  void keep(std::size_t anchor, const Node& node);

  // What the anchor stands at, for an alias `depth` levels deep.
  Result<Node> copy(std::size_t anchor, std::size_t depth, const SourcePosition& where);

 private:
  struct Kept {
    Node node;
    std::size_t nodes = 0, height = 0;
  };

  std::map<std::size_t, Kept> kept_;
  std::size_t spent_ = 0;
};

// Replaces "<<" in a map by the keys of its map, or of its list of maps, that the map lacks; of
// several the first counts.
Result<void> carry_out_merge(Node& map);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_ALIASES_H_
