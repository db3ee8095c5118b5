// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/trace.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include <stdlib.h>

#include "sim/machine/machine.h"
#include "sim/machine/own_way.h"

namespace migsim {
namespace {

int open_trace() {
  const char* path = ::secure_getenv("MIGSIM_TRACE");
  if (path == nullptr || *path == '\0') {
    return -1;
  }
  return open_own_output(path, O_APPEND);
}

}  // namespace

void trace_call(const char* function, std::uint32_t gpu, int code) {
  static const int kFd = open_trace();  // opened once, open for the life of the process
  if (kFd < 0) {
    return;
  }
  char gpu_text[16] = "-";
  if (gpu != kNone) {
    std::snprintf(gpu_text, sizeof(gpu_text), "%u", gpu);
  }
  char line[192];
  const int size = std::snprintf(line,
                                 sizeof(line),
                                 "%llu %d %.96s %s %d\n",
                                 static_cast<unsigned long long>(now_ns()),
                                 static_cast<int>(::getpid()),
                                 function,
                                 gpu_text,
                                 code);
  if (size > 0) {
    [[maybe_unused]] const ssize_t written =
        ::write(kFd, line, static_cast<std::size_t>(size));  // on failure only this line is lost
  }
}

}  // namespace migsim
