// SPDX-License-Identifier: Apache-2.0
// Inside of claims/: the checkpoint file. JSON with a version and a checksum, replaced as a whole
// (fsync, rename), readable by its owner only. What cannot be understood is an error that names the
// file, and the file is left as it is: an empty one in its place would forget instances.
//
// Threading: functions of the file system.
#ifndef MIGCTL_KUBERNETES_CLAIMS_CHECKPOINT_H_
#define MIGCTL_KUBERNETES_CLAIMS_CHECKPOINT_H_

#include <string>
#include <string_view>

#include "mig/result.h"

#include "kubernetes/claims/record.h"

namespace mig::kube {

// No records where there is no file. kInvalidInput: not understood, damaged, or of a later version;
// kTooLarge, kIo, kPermission.
Result<ClaimRecords> read_checkpoint(const std::string& path);
Result<void> write_checkpoint(const std::string& path, const ClaimRecords& records);

// The text of the file, both ways; `path` is for messages.
std::string checkpoint_text(const ClaimRecords& records);
Result<ClaimRecords> parse_checkpoint(std::string_view text, const std::string& path);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_CLAIMS_CHECKPOINT_H_
