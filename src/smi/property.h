// SPDX-License-Identifier: Apache-2.0
// One property of a GPU by its name, for every form that shows it: -q, its XML, CSV.
#ifndef MIGCTL_SMI_PROPERTY_H_
#define MIGCTL_SMI_PROPERTY_H_

#include <string>

#include "smi/query_value.h"
#include "smi/run.h"

namespace mig::smi {

// `name` is one of query_fields() or, with '@', of detail_fields(); nullptr if there is none such.
const QueryField* find_property(const char* name);

// Whether the driver gives the property of this GPU.
bool readable(const Run& run, const Gpu& gpu, const char* name);

// As -q shows it: with its unit, and what is missing without the brackets of CSV. "" is N/A.
std::string shown_value(const Run& run, const Gpu& gpu, const char* name);

// A code in the place of a value: "N/A", "GPU is lost".
std::string shown_code(const Run& run, nvmlReturn_t code);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_PROPERTY_H_
