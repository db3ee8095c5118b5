// SPDX-License-Identifier: Apache-2.0
// Inside of config/: the fields of a tenant in the tenants file that are one value each (limits,
// rights, role, weight): how each is written, read and kept. One table serves tenants, `default:`
// and `others:`.
#ifndef MIGCTL_CONFIG_TENANT_FIELDS_H_
#define MIGCTL_CONFIG_TENANT_FIELDS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mig/layout.h"
#include "mig/result.h"

#include "config/document.h"
#include "model/tenants.h"

namespace mig::config {

// Value of a field; nullopt: no limit. Of rights 0 or 1, of roles the enumerator.
using FieldValue = std::optional<std::uint64_t>;

struct FieldSaid {
  FieldValue value;
  SourcePosition position;
};

// What a part of the file says, by path: "weight", "quota.slices", "job.time".
using FieldsSaid = std::map<std::string, FieldSaid>;

// Reader of a key's value.
using KeyReader = std::function<Result<void>(const Node&)>;
using KeyReaders = std::vector<std::pair<std::string, KeyReader>>;

// Reads each key of a map by its reader; an unknown key is an error that names the nearest.
Result<void> read_keys(const Node& map, const std::string& where, const KeyReaders& readers);

// Readers of the keys that hold fields of a tenant: weight, quota, per_user, job, and role unless
// `with_role` is false. What they read goes into `said`, which must outlive them.
KeyReaders field_readers(FieldsSaid& said, bool with_role);

// Duration with its unit, above 0; nullopt for the word `instead` ("" = no such word).
KeyReader time_reader(std::optional<std::int64_t>& target,
                      const std::string& what,
                      const std::string& instead);
KeyReader flag_reader(bool& target, const std::string& what);

// Sets the fields of `tenant` to what `said` says.
void keep_fields(const FieldsSaid& said, Tenant& tenant);

// Limits `others` to the least that any of `tenants` with leases may have, field by field. Refused:
// a field for which `said`, the text about others, asks for more.
Result<void> cap_others(const FieldsSaid& said, const std::vector<Tenant>& tenants, Tenant& others);

// "quota.slices 7 -> 4" for each field that differs.
std::vector<std::string> field_differences(const Tenant& now, const Tenant& next);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_TENANT_FIELDS_H_
