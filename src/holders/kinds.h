// SPDX-License-Identifier: Apache-2.0
// Inside of holders/: which processes are services of NVIDIA's and which displays: those are not
// signalled by --evict. By name and by who started the process, since any user can give a program
// any name.
#ifndef MIGCTL_HOLDERS_KINDS_H_
#define MIGCTL_HOLDERS_KINDS_H_

#include "holders/process_facts.h"
#include "model/holder.h"

namespace mig::holders {

// `of_machine`: a service of a simulated machine, from the machine's own tree.
HolderKind kind_of(const ProcessFacts& facts, bool of_machine);

}  // namespace mig::holders

#endif  // MIGCTL_HOLDERS_KINDS_H_
