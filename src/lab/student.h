// SPDX-License-Identifier: Apache-2.0
// Machines for students: one for an exercise in its starting state, many for a class, and who is
// where. Threading: one thread.
#ifndef MIGCTL_LAB_STUDENT_H_
#define MIGCTL_LAB_STUDENT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "lab/exercises.h"
#include "model/lab_values.h"

namespace mig::lab {

inline constexpr std::uint32_t kMostStudents = 100;
inline constexpr const char* kStudentBoard = "a100-sxm4-40gb";

struct StudentTools {
  std::string migctl;  // path of this program
  std::string board = kStudentBoard;
  const std::atomic<bool>* stop = nullptr;
  std::function<void(const std::string&)> tell;
};

// Makes a simulated machine with two boards in the exercise's starting state, and records the
// exercise in its folder. kConflict: there is such a machine; whatever fails, it is removed again.
Result<void> set_exercise(const StudentTools& tools,
                          const std::string& machine,
                          const Exercise& exercise);

// The exercise that was set on the machine; "" = none.
Result<std::string> exercise_on(const StudentTools& tools, const std::string& machine);

// "class-01" ... All are made, or none: what was made before a failure is removed.
Result<std::vector<std::string>> make_class(const StudentTools& tools,
                                            std::uint32_t students,
                                            const Exercise& exercise);

// The class's machines, each judged by `exercise`, or by the one that was set on it ("").
Result<std::vector<ClassRow>> look_at_class(const StudentTools& tools, const std::string& exercise);

// Removes the class's machines, and ends what runs on them. kNotFound: there is none.
Result<std::vector<std::string>> remove_class(const StudentTools& tools);

}  // namespace mig::lab

#endif  // MIGCTL_LAB_STUDENT_H_
