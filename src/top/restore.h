// SPDX-License-Identifier: Apache-2.0
// Restores the terminal when the program dies of a fault: what a signal handler may do (write and
// tcsetattr) with what was computed before. For screen.cc.
#ifndef MIGCTL_TOP_RESTORE_H_
#define MIGCTL_TOP_RESTORE_H_

#include <string>

namespace mig::top {

// Reads the terminal's modes: before curses changes them.
void remember_modes();

// From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT first write `text` to standard output and
// set back the remembered modes; then they do what they did.
void restore_on_fault(const std::string& text);
void no_restore();

}  // namespace mig::top

#endif  // MIGCTL_TOP_RESTORE_H_
