// SPDX-License-Identifier: Apache-2.0
#include "nvml/session.h"

#include <array>
#include <cstddef>
#include <utility>

#include "nvml/return_code.h"

namespace mig::nvml {
namespace {

using TextQuery = Function<nvmlReturn_t(char*, unsigned)>;

std::string ask_text(const TextQuery& query) {
  std::array<char, NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE> text{};
  return query(text.data(), text.size()) == NVML_SUCCESS ? text.data() : "";
}

// A real driver refuses the id. The simulator's library returns a table with its size; a shorter
// table, of an older library, is not used.
const migsim_control* ask_control(const Functions& nvml) {
  static constexpr std::array<unsigned char, 16> kId = MIGSIM_CONTROL_GUID;
  const void* table = nullptr;
  if (nvml.nvmlInternalGetExportTable(&table, kId.data()) != NVML_SUCCESS || table == nullptr) {
    return nullptr;
  }
  const auto* control = static_cast<const migsim_control*>(table);
  return control->size >= sizeof(migsim_control) ? control : nullptr;
}

}  // namespace

Result<std::unique_ptr<Session>> Session::open(const std::string& library) {
  MIG_ASSIGN_OR_RETURN(Library loaded, Library::open(library));
  std::unique_ptr<Session> session(new Session(std::move(loaded)));
  MIG_TRY(session->start());
  return session;
}

Session::~Session() {
  if (left_to_exit_) {
    library_.leave_loaded();
    return;
  }
  stop();
}

void Session::stop() {
  if (running_) {
    nvml().nvmlShutdown();
  }
  running_ = false;
}

Result<void> Session::renew() {
  stop();
  return start();
}

Result<void> Session::start() {
  ++epoch_;  // also on failure: all earlier handles are invalid
  if (const nvmlReturn_t code = nvml().nvmlInit_v2(); code != NVML_SUCCESS) {
    Error error = error_from(code, "cannot start NVML of " + library_path());
    if (error.code != ErrorCode::kPermission) {
      error.code = ErrorCode::kNoDriver;
    }
    return error;
  }
  running_ = true;
  control_ = ask_control(nvml());
  driver_version_ = ask_text(nvml().nvmlSystemGetDriverVersion);
  nvml_version_ = ask_text(nvml().nvmlSystemGetNVMLVersion);
  return {};
}

Error Session::stale_handle(std::uint64_t epoch) const {
  return Error{ErrorCode::kDeviceLost,
               "a handle from before a reset of the driver session is no longer valid (session " +
                   std::to_string(epoch) + ", now " + std::to_string(epoch_) + ")",
               "read the machine again (migctl list) and repeat",
               {},
               {}};
}

}  // namespace mig::nvml
