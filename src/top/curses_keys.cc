// SPDX-License-Identifier: Apache-2.0
#include "top/curses_keys.h"

#include <curses.h>

namespace mig::top {
namespace {

Key special_key(char32_t code) {
  constexpr char32_t kLastFunction = 12;
  if (code > KEY_F0 && code <= KEY_F0 + kLastFunction) {
    return {KeyKind::kFunction, code - KEY_F0};
  }
  switch (code) {
    case KEY_UP:
      return {KeyKind::kUp, 0};
    case KEY_DOWN:
      return {KeyKind::kDown, 0};
    case KEY_LEFT:
      return {KeyKind::kLeft, 0};
    case KEY_RIGHT:
      return {KeyKind::kRight, 0};
    case KEY_PPAGE:
      return {KeyKind::kPageUp, 0};
    case KEY_NPAGE:
      return {KeyKind::kPageDown, 0};
    case KEY_HOME:
      return {KeyKind::kHome, 0};
    case KEY_END:
      return {KeyKind::kEnd, 0};
    case KEY_ENTER:
      return {KeyKind::kEnter, 0};
    case KEY_BACKSPACE:
    case KEY_DC:
      return {KeyKind::kBackspace, 0};
    case KEY_BTAB:
      return {KeyKind::kTab, 0};
    default:
      return {KeyKind::kFunction, 0};
  }
}

}  // namespace

Key curses_key(bool special, char32_t code) {
  if (special) {
    return special_key(code);
  }
  switch (code) {
    case U'\n':
    case U'\r':
      return {KeyKind::kEnter, 0};
    case U'\t':
      return {KeyKind::kTab, 0};
    case 0x1B:
      return {KeyKind::kEscape, 0};
    case 0x08:
    case 0x7F:
      return {KeyKind::kBackspace, 0};
    default:
      return {KeyKind::kCharacter, code};
  }
}

}  // namespace mig::top
