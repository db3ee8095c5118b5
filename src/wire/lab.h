// SPDX-License-Identifier: Apache-2.0
// Documents of `migctl lab`: LabCheck, LabClass, LabExercises. The report of a whole lab is
// wire/report.h's. Threading: pure functions.
#ifndef MIGCTL_WIRE_LAB_H_
#define MIGCTL_WIRE_LAB_H_

#include <string>
#include <vector>

#include "model/lab_values.h"
#include "wire/wire.h"

namespace mig::wire {

std::string lab_check_document(const lab::Verdict& verdict, const Source& source);
std::string lab_class_document(const std::vector<lab::ClassRow>& rows);
std::string lab_exercises_document(const std::vector<lab::ExerciseRow>& rows);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_LAB_H_
