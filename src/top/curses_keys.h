// SPDX-License-Identifier: Apache-2.0
// Key codes of curses as keys. For screen.cc. Threading: pure functions.
#ifndef MIGCTL_TOP_CURSES_KEYS_H_
#define MIGCTL_TOP_CURSES_KEYS_H_

#include "top/keys.h"

namespace mig::top {

// `special`: a code of curses (KEY_UP), else a character. Unknown codes are a function key 0, which
// does nothing.
Key curses_key(bool special, char32_t code);

}  // namespace mig::top

#endif  // MIGCTL_TOP_CURSES_KEYS_H_
