// SPDX-License-Identifier: Apache-2.0
// Verdicts of the lab as text. Pure functions.
#ifndef MIGCTL_CLI_RENDER_LAB_H_
#define MIGCTL_CLI_RENDER_LAB_H_

#include <string>
#include <vector>

#include "cli/output.h"
#include "lab/exercises.h"
#include "model/lab_values.h"
#include "wire/wire.h"

namespace mig::cli {

std::string lab_check_text(const lab::Verdict& verdict,
                           const wire::Source& source,
                           const Paint& paint);
std::string lab_class_text(const std::vector<lab::ClassRow>& rows, const Paint& paint);
std::string lab_exercises_text(const Paint& paint);
// The task as a student reads it. `machine` was just made.
std::string lab_task_text(const lab::Exercise& exercise,
                          const std::string& machine,
                          const Paint& paint);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_RENDER_LAB_H_
