// SPDX-License-Identifier: Apache-2.0
// Device nodes that processes have open: a search of /proc/<pid>/fd. It is the larger part of what
// a command that looks for holders waits for, and needs no reading of the GPUs: SearchAhead does it
// meanwhile.
#ifndef MIGCTL_HOLDERS_OPEN_NODES_H_
#define MIGCTL_HOLDERS_OPEN_NODES_H_

#include <cstdint>
#include <future>
#include <map>
#include <string>
#include <vector>

#include "mig/result.h"

#include "holders/holders.h"
#include "holders/nodes.h"

namespace mig::holders {

// The device nodes of one process.
struct OpenNodes {
  std::uint32_t pid = 0;
  bool unreadable = false;              // its descriptors: EACCES
  std::map<std::string, Target> nodes;  // each once: a process opens the same node many times
};

// All processes below the roots, but for this one. kIo: /proc cannot be read.
Result<std::vector<OpenNodes>> search_open_nodes(const Roots& roots);

// A search in a thread of its own, from the construction on. The destructor waits for it.
// Threading: take() once, in one thread.
class SearchAhead {
 public:
  explicit SearchAhead(Roots roots);

  Result<std::vector<OpenNodes>> take();

 private:
  Roots roots_;
  std::future<Result<std::vector<OpenNodes>>> found_;  // without a state: no thread could be made
};

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_OPEN_NODES_H_
