// SPDX-License-Identifier: Apache-2.0
// The lab's verdicts as values: shared by the room that judges (lab/) and the one that encodes
// (wire/). Plain values.
#ifndef MIGCTL_MODEL_LAB_VALUES_H_
#define MIGCTL_MODEL_LAB_VALUES_H_

#include <string>
#include <vector>

namespace mig::lab {

// What is wrong with a student's machine, in words that teach.
struct Hint {
  std::string mistake;  // one word, for programs: "mig-off", "no-compute-instance"
  std::string found;    // what is there
  std::string missing;  // what the exercise asks for
  std::string shows;    // the command that shows it
  std::string why;
  std::string next;  // what to do
};

struct Verdict {
  std::string exercise;
  bool passed = false;
  std::string seen;         // the GPU in one line
  std::vector<Hint> hints;  // the first is the one to begin with
};

// A student of a class and the state of the machine.
struct ClassRow {
  std::string machine;
  std::string exercise;  // that was set; "" = none is recorded
  Verdict verdict;
  std::string error;     // why there is no verdict; "" = there is one
  bool by_hand = false;  // the exercise is judged by what is handed in, not by the machine
};

// An exercise, for `lab list`.
struct ExerciseRow {
  std::string number, title;
  bool judged = false;
};

}  // namespace mig::lab

#endif  // MIGCTL_MODEL_LAB_VALUES_H_
