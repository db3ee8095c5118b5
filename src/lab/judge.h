// SPDX-License-Identifier: Apache-2.0
// Judges a student's machine: is it what the exercise asks for, and if not, which mistake is it?
// A hint teaches: what is there, what is missing, which command shows it, why it is so, what to do.
// A pure function of the machine's reading.
#ifndef MIGCTL_LAB_JUDGE_H_
#define MIGCTL_LAB_JUDGE_H_

#include <string>
#include <string_view>
#include <vector>

#include "mig/inventory.h"

#include "model/lab_values.h"

namespace mig::lab {

// `exercise` is one that is judged (Exercise::judged), not 1.2. `gpu`: the lab's GPU, 0.
Verdict judge(std::string_view exercise, const Inventory& inventory, GpuIndex gpu);

// Exercise 1.2: three answers against the driver's profiles.
Verdict judge_answers(const std::vector<std::string>& answers,
                      const Inventory& inventory,
                      GpuIndex gpu);

}  // namespace mig::lab

#endif  // MIGCTL_LAB_JUDGE_H_
