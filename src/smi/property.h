// SPDX-License-Identifier: Apache-2.0
// A property of a GPU by name, for every output that shows it: -q, its XML, CSV.
#ifndef MIGCTL_SMI_PROPERTY_H_
#define MIGCTL_SMI_PROPERTY_H_

#include <string>

#include "smi/query_value.h"
#include "smi/run.h"

namespace mig::smi {

// Property by name, of query_fields() or, with '@', of detail_fields(); nullptr if unknown.
const QueryField* find_property(const char* name);

// True when the driver reports the property for this GPU.
bool readable(const Run& run, const Gpu& gpu, const char* name);

// Value as -q prints it: with its unit; missing values without the brackets of CSV. "" is N/A.
std::string shown_value(const Run& run, const Gpu& gpu, const char* name);

// Text of a code in place of a value: "N/A", "GPU is lost".
std::string shown_code(const Run& run, nvmlReturn_t code);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_PROPERTY_H_
