// SPDX-License-Identifier: Apache-2.0
#include "top/restore.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include <termios.h>

namespace mig::top {
namespace {

constexpr std::array kFaults = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr std::size_t kMostBytes = 512;

// Read by the handler: set before it is installed.
std::array<char, kMostBytes> text_bytes{};
std::size_t text_size = 0;
termios modes{};
bool have_modes = false;
std::array<struct sigaction, kFaults.size()> earlier{};
bool installed = false;

void on_fault(int number) {
  if (text_size > 0) {
    [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, text_bytes.data(), text_size);
  }
  if (have_modes) {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &modes);
  }
  ::signal(number, SIG_DFL);
  ::raise(number);
}

}  // namespace

void remember_modes() {
  have_modes = ::tcgetattr(STDIN_FILENO, &modes) == 0;
}

void restore_on_fault(const std::string& text) {
  if (installed) {
    return;
  }
  text_size = std::min(text.size(), text_bytes.size());
  std::memcpy(text_bytes.data(), text.data(), text_size);
  for (std::size_t i = 0; i < kFaults.size(); ++i) {
    struct sigaction action {};

    action.sa_handler = on_fault;
    ::sigaction(kFaults[i], nullptr, &earlier[i]);
    if (earlier[i].sa_handler == SIG_DFL) {  // else a sanitizer's, which reports first
      ::sigaction(kFaults[i], &action, nullptr);
    }
  }
  installed = true;
}

void no_restore() {
  for (std::size_t i = 0; installed && i < kFaults.size(); ++i) {
    ::sigaction(kFaults[i], &earlier[i], nullptr);
  }
  installed = false;
}

}  // namespace mig::top
