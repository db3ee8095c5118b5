// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string>
#include <vector>

#include "cli/cli.h"

int main(int argc, char** argv) {
  mig::cli::Output output(stdout, stderr);
  return mig::cli::run_cli(std::vector<std::string>(argv, argv + argc), output);
}
