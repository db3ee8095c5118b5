// SPDX-License-Identifier: Apache-2.0
// The lab's exercises: number, task, what to hand in, the machine's starting state, and the layout
// that an exercise asks for, in the board's own profiles. Threading: pure functions.
#ifndef MIGCTL_LAB_EXERCISES_H_
#define MIGCTL_LAB_EXERCISES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/inventory.h"

namespace mig::lab {

// What is on GPU 0 when an exercise begins.
enum class Start { kMigOff, kMigOn, kSeven, kMixed };

struct Exercise {
  std::string_view number;  // "2.2"
  std::string_view title;
  std::string_view task;     // for a student; lines end with \n
  std::string_view hand_in;  // one line
  Start start = Start::kMigOff;
  bool judged = false;  // `lab check` can judge the machine
};

const std::vector<Exercise>& exercises();
const Exercise* find_exercise(std::string_view number);
std::vector<std::string> exercise_numbers();

// The three sizes that the lab uses, of this board: one compute slice with the least memory, two,
// and three, without attributes. nullptr where the board has none, or profiles were not read.
const GpuInstanceProfile* small_profile(const Gpu& gpu);
const GpuInstanceProfile* medium_profile(const Gpu& gpu);
const GpuInstanceProfile* large_profile(const Gpu& gpu);
const GpuInstanceProfile* whole_profile(const Gpu& gpu);

struct Wanted {
  ProfileName profile;
  std::uint32_t count = 0;
};

// Layout of GPU 0 that the exercise asks for. Empty: none (mode only, or nothing to judge).
std::vector<Wanted> wanted_layout(std::string_view exercise, const Gpu& gpu);

// "3g.20gb + 2 x 2g.10gb".
std::string text_of(const std::vector<Wanted>& wanted);

}  // namespace mig::lab

#endif  // MIGCTL_LAB_EXERCISES_H_
