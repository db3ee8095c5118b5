// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "cli/cli.h"

// Opens closed standard descriptors: otherwise the next opened file would get their number and
// receive the output.
static void open_standard_files() {
  int fd = 0;
  while (fd >= 0 && fd <= STDERR_FILENO) {
    fd = ::open("/dev/null", O_RDWR);
  }
  if (fd > STDERR_FILENO) {
    ::close(fd);
  }
}

int main(int argc, char** argv) {
  open_standard_files();
  mig::cli::Output output(stdout, stderr);
  return output.finish(
      mig::cli::run_cli(std::vector<std::string>(argv, argv + argc), output, true));
}
