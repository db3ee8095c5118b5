// SPDX-License-Identifier: Apache-2.0
// Helpers of this room's encoders. Private: includes the JSON library.
#ifndef MIGCTL_WIRE_DOCUMENT_H_
#define MIGCTL_WIRE_DOCUMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "mig/plan.h"

#include "wire/wire.h"

namespace mig::wire {

using Json = nlohmann::ordered_json;  // keeps insertion order: apiVersion first

Json begin_document(std::string_view kind, const Source& source);
// Indented by two, newline at the end; invalid UTF-8 (process names) becomes U+FFFD.
std::string finish(const Json& document);

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <class Tag>
Json or_null(const std::optional<Id<Tag>>& id) {
  return id ? Json(id->value) : Json(nullptr);
}

// An empty text becomes null.
Json text_or_null(const std::string& text);

Json placement_json(const Placement& placement);
// GPUs that cannot be opened, each with the driver's error.
Json lost_json(const std::vector<LostGpu>& lost);
Json process_json(const Process& process);
Json plan_json(const Plan& plan);  // members of a Plan document, without the envelope
Json step_json(const Step& step);
Json error_json(const Error& error, std::string_view nvml_name);

// A 64-bit number as a string: JSON readers with doubles would round it.
std::string generation_text(std::uint64_t generation);

std::string_view mode_text(MigMode mode);
std::string_view step_kind_text(StepKind kind);
bool concerns_compute(StepKind kind);
std::string_view stops_text(Blocker::Stops stops);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_DOCUMENT_H_
