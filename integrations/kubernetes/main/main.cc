// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "kubernetes/main/program.h"
#include "kubernetes/main/settings.h"

int main(int argc, char** argv) {
  using Verb = mig::kube::Settings::Verb;
  const auto settings =
      mig::kube::parse_settings(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc),
                                [](const std::string& name) {
                                  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread yet
                                  const char* value = std::getenv(name.c_str());
                                  return std::string(value == nullptr ? "" : value);
                                });
  if (!settings) {
    const mig::Error& error = settings.error();
    std::fprintf(stderr, "mig-kubelet: error: %s\n", error.text().c_str());
    std::fprintf(stderr, "hint: %s\n", error.hint.c_str());
    return mig::error_info(error.code).exit_code;
  }
  switch (settings->verb) {
    case Verb::kHelp:
      std::fputs(mig::kube::help_text().c_str(), stdout);
      return 0;
    case Verb::kVersion:
      std::fputs(mig::kube::version_text().c_str(), stdout);
      return 0;
    case Verb::kCheck:
      return mig::kube::check(*settings);
    case Verb::kServe:
      break;
  }
  return mig::kube::serve(*settings);
}
