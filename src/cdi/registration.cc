// SPDX-License-Identifier: Apache-2.0
#include "cdi/registration.h"

#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/own_path.h"
#include "cdi/spec.h"
#include "store/places.h"

namespace mig::cdi {
namespace {

constexpr std::size_t kMostOfRegistration = 64U << 10U;
constexpr std::uint64_t kFormat = 1;

}  // namespace

const char* name_of(Hooks hooks) {
  switch (hooks) {
    case Hooks::kNvidia:
      return "nvidia";
    case Hooks::kCheck:
      return "check";
    case Hooks::kNone:
      break;
  }
  return "none";
}

std::optional<Hooks> hooks_named(const std::string& name) {
  for (const Hooks hooks : {Hooks::kNone, Hooks::kNvidia, Hooks::kCheck}) {
    if (name == name_of(hooks)) {
      return hooks;
    }
  }
  return std::nullopt;
}

std::string registration_file(const std::string& journal) {
  const std::string database = store::beside_journal(journal, "cdi");
  return database.substr(0, database.rfind('.')) + ".json";
}

Result<std::optional<Registration>> read_registration(const std::string& file) {
  if (::access(file.c_str(), F_OK) != 0) {
    return std::optional<Registration>();
  }
  MIG_TRY(base::only_trusted_write(file));
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(file, kMostOfRegistration));
  MIG_ASSIGN_OR_RETURN(const base::Json json, base::parse_json(text, {kMostOfRegistration, file}));
  base::JsonProblem problem;
  const base::JsonReader reader(json, "", problem);
  reader.only({"format", "path", "kind", "hooks", "hookProgram", "libraryFolders"});
  if (reader.at("format").number() != kFormat && !problem.any()) {
    reader.at("format").complain("another version of migctl wrote this");
  }
  Registration registration;
  registration.path = reader.at("path").text();
  registration.kind = reader.at("kind").text();
  const auto hooks = hooks_named(reader.at("hooks").text());
  registration.hooks = hooks.value_or(Hooks::kNone);
  registration.hook_program = reader.at("hookProgram").text();
  for (const base::JsonReader& folder : reader.at("libraryFolders").elements()) {
    registration.library_folders.push_back(folder.text());
  }
  if (!problem.any() &&
      (!hooks || !registration.path.starts_with('/') || !is_kind(registration.kind))) {
    reader.at("path").complain("path, kind or hooks is not what migctl writes");
  }
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{}: {}", file, problem.text()),
                "migctl cdi generate writes it again");
  }
  return std::optional(std::move(registration));
}

Result<void> write_registration(const std::string& file, const Registration& registration) {
  const base::Json json = {{"format", kFormat},
                           {"path", registration.path},
                           {"kind", registration.kind},
                           {"hooks", name_of(registration.hooks)},
                           {"hookProgram", registration.hook_program},
                           {"libraryFolders", registration.library_folders}};
  MIG_TRY(base::make_own_folders(file.substr(0, file.rfind('/')), 0700));
  return base::write_file_atomic(file, json.dump(1) + "\n", 0644);
}

Result<void> remove_registration(const std::string& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) {
    return base::errno_error("remove", file, errno);
  }
  return {};
}

}  // namespace mig::cdi
