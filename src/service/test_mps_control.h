// SPDX-License-Identifier: Apache-2.0
// For tests: a stub of nvidia-cuda-mps-control with one server, whose clients are the pids in the
// file `clients` of the pipe's folder.
#ifndef MIGCTL_SERVICE_TEST_MPS_CONTROL_H_
#define MIGCTL_SERVICE_TEST_MPS_CONTROL_H_

namespace mig::service {

inline constexpr const char* kMpsControl = R"(#!/bin/sh
pipe=$CUDA_MPS_PIPE_DIRECTORY
if [ "$1" = -f ]; then
  touch "$pipe/control" "$pipe/clients"
  while [ -e "$pipe/control" ]; do sleep 0.01; done
  exit 0
fi
read -r words
case $words in
  get_server_list) echo 7 ;;
  "get_client_list 7") cat "$pipe/clients" ;;
  quit*) rm "$pipe/control" ;;
esac
)";

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_TEST_MPS_CONTROL_H_
