// SPDX-License-Identifier: Apache-2.0
// Keys inside of menus: setup, sort, signals and their confirmation. For keys.cc. Threading: pure
// functions.
#ifndef MIGCTL_TOP_MENU_KEYS_H_
#define MIGCTL_TOP_MENU_KEYS_H_

#include "top/keys.h"

namespace mig::top {

void press_in_menu(View& view, const Content& content, const Key& key, Effects& effects);

// Opens the menu of signals, or says why there is none.
void open_signals(View& view, const Content& content);

// Asks to confirm `signal` to the tagged processes (none tagged: to the selected one), or says why
// it cannot be sent.
void order_signal(View& view, const Content& content, int signal);

int signal_of_letter(char32_t letter);  // T, K, I

}  // namespace mig::top

#endif  // MIGCTL_TOP_MENU_KEYS_H_
