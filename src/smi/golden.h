// SPDX-License-Identifier: Apache-2.0
// Golden files for the tests of this room: readings from real machines, kept in testdata/ (see its
// README).
#ifndef MIGCTL_SMI_GOLDEN_H_
#define MIGCTL_SMI_GOLDEN_H_

#include <fstream>
#include <iterator>
#include <string>

namespace mig::smi {

// Reads a golden file; "" if unreadable, which equals no output.
inline std::string golden(const std::string& name) {
  std::ifstream file(std::string(MIG_SMI_TESTDATA) + "/" + name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace mig::smi

#endif  // MIGCTL_SMI_GOLDEN_H_
