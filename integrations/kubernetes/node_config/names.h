// SPDX-License-Identifier: Apache-2.0
// Labels and annotations of the flow on the Node object. The labels are those of NVIDIA's
// mig-manager, so that what sets and reads them need not change.
#ifndef MIGCTL_KUBERNETES_NODE_CONFIG_NAMES_H_
#define MIGCTL_KUBERNETES_NODE_CONFIG_NAMES_H_

namespace mig::kube {

inline constexpr const char* kConfigLabel = "nvidia.com/mig.config";
inline constexpr const char* kStateLabel = "nvidia.com/mig.config.state";

// Written by an administrator: "true" lets pods be evicted that stand in the way.
inline constexpr const char* kDrainAnnotation = "mig.migctl.dev/drain";
// Ours. What the state is about; the state as we wrote it last (another one is somebody else's);
// since when it is that; the reason, for people; the labels of the node that we made.
inline constexpr const char* kWishAnnotation = "mig.migctl.dev/config.wish";
inline constexpr const char* kWrittenAnnotation = "mig.migctl.dev/config.state";
inline constexpr const char* kSinceAnnotation = "mig.migctl.dev/config.since";
inline constexpr const char* kMessageAnnotation = "mig.migctl.dev/config.message";
inline constexpr const char* kLabelsAnnotation = "mig.migctl.dev/labels";

inline constexpr const char* kPending = "pending";
inline constexpr const char* kSuccess = "success";
inline constexpr const char* kFailed = "failed";

// The name of this program in managedFields, which the API server takes from the User-Agent.
inline constexpr const char* kManager = "mig-kubelet";
// The label of mig-manager's pods, as the GPU Operator's DaemonSet gives it.
inline constexpr const char* kMigManagerPods = "app=nvidia-mig-manager";

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_NODE_CONFIG_NAMES_H_
