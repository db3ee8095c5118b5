// SPDX-License-Identifier: Apache-2.0
// Places of UNIX sockets in folders that the kubelet shares with its plugins. Threading: pure calls
// on the file system.
#ifndef MIGCTL_KUBERNETES_PLUGIN_SOCKET_PLACE_H_
#define MIGCTL_KUBERNETES_PLUGIN_SOCKET_PLACE_H_

#include <cstdint>
#include <string>

#include "mig/result.h"

namespace mig::kube {

// Which file a path names now: another file under the same name is another identity.
struct FileIdentity {
  std::uint64_t device = 0, inode = 0;
  std::int64_t changed_ns = 0;  // an inode's number is used again

  bool there() const { return inode != 0; }

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

FileIdentity identity(const std::string& path);

// Makes the folder and its parents, with 0750. Errors: kPermission for one that everybody may
// write, kIo.
Result<void> socket_folder(const std::string& path);

// Room for a socket at `path`: removes one whose process is gone. Errors: kConflict when a process
// listens there, or when something else is there; kInvalidInput for a path that is too long for a
// socket.
Result<void> clear_stale_socket(const std::string& path);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_SOCKET_PLACE_H_
