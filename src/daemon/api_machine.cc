// SPDX-License-Identifier: Apache-2.0
#include "daemon/api_machine.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include <fmt/format.h>

#include "base/file_lock.h"
#include "base/proc_root.h"
#include "base/process_start.h"
#include "daemon/api.h"
#include "smi/smi.h"

namespace mig::daemon {
namespace {

// Longest time that the GPUs stay closed for a process that asked for them, unless the process
// holds the writer lock.
constexpr std::chrono::seconds kShutAfterRest{60};

// A stream into memory.
class TextStream {
 public:
  TextStream() : file_(::open_memstream(&text_, &size_)) {}

  ~TextStream() {
    close();
    std::free(text_);  // NOLINT(cppcoreguidelines-no-malloc): open_memstream's
  }

  TextStream(const TextStream&) = delete;
  TextStream& operator=(const TextStream&) = delete;
  TextStream(TextStream&&) = delete;
  TextStream& operator=(TextStream&&) = delete;

  std::FILE* file() const { return file_; }

  std::string text() {
    close();
    return text_ == nullptr ? std::string() : std::string(text_, size_);
  }

 private:
  void close() {
    if (file_ != nullptr) {
      std::fclose(file_);
    }
    file_ = nullptr;
  }

  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* file_;
};

// Pids differ in another PID namespace: a client in a container would read other process lists than
// the daemon.
bool in_our_pid_namespace(std::uint32_t pid) {
  std::error_code error;
  const auto theirs =
      std::filesystem::read_symlink(fmt::format("{}/{}/ns/pid", base::proc_root(), pid), error);
  const auto ours = error ? theirs
                          : std::filesystem::read_symlink(
                                fmt::format("{}/{}/ns/pid", base::proc_root(), ::getpid()), error);
  return !error && theirs == ours;
}

}  // namespace

void MachineApi::add_to(http::Router& router) {
  add(router, "/v1/machine", &MachineApi::machine);
  add(router, "/v1/smi", &MachineApi::smi);
  add(router, "/v1/rest", nullptr);
}

void MachineApi::add(http::Router& router, const std::string& path, Answer answer) {
  router.add(
      "POST", path, {}, [this, answer](const http::Request& request, const http::Reply& reply) {
        on_node_(
            "a reading for a command",
            [this, answer, request] {
              return answer == nullptr ? rested(request) : reading(request, answer);
            },
            [this, reply](const Result<std::string>& document) {
              reply(document ? http::Response{200, *document, "application/json", {}}
                             : http::refusal(document.error(), error_writer(source_)));
            });
      });
}

Result<std::string> MachineApi::reading(const http::Request& request, Answer answer) {
  if (request.peer.uid != ::geteuid()) {
    return fail(ErrorCode::kPermission,
                fmt::format("uid {} is not the daemon's own user, who alone is given readings: "
                            "the driver tells every user something else",
                            request.peer.uid),
                "read the driver: migctl --direct");
  }
  if (!in_our_pid_namespace(request.peer.pid)) {
    return fail(ErrorCode::kConflict, "the daemon sees other processes (another PID namespace)");
  }
  MIG_ASSIGN_OR_RETURN(const auto asked, wire::parse_reading_request(request.body));
  MIG_TRY(same_view(asked));
  MIG_TRY(way_is_clear());
  MIG_TRY(node_.session());
  if (!node_.has_usual_library()) {
    return fail(ErrorCode::kConflict, "the daemon has loaded another library (--nvml-library)");
  }
  auto document = (this->*answer)(asked);
  open_until_ = clock_.monotonic() + settings_.keep_open;
  return document;
}

Result<std::string> MachineApi::rested(const http::Request& request) {
  if (request.peer.uid != ::geteuid() && request.peer.uid != 0) {
    return fail(ErrorCode::kPermission,
                "only root and the daemon's own user may close its driver session",
                "the daemon closes it some seconds after the last reading (serve --keep-open)");
  }
  shut_until_ = clock_.monotonic() + kShutAfterRest;
  shut_for_ = request.peer.pid;
  shut_for_start_ = base::process_start(base::proc_root(), request.peer.pid);
  open_until_ = {};
  node_.rest();
  if (on_rest) {
    on_rest(request.peer.pid);
  }
  return wire::rest_document(source_);
}

Result<void> MachineApi::same_view(const wire::ReadingRequest& asked) const {
  if (asked.version != settings_.version) {
    return fail(
        ErrorCode::kConflict,
        fmt::format("the daemon is migctl {}, this is {}", settings_.version, asked.version),
        "restart migd after an update");
  }
  if (asked.machine != node_.machine_dir()) {
    return fail(ErrorCode::kConflict, "the daemon serves another machine");
  }
  if (asked.proc_root != base::proc_root()) {
    return fail(ErrorCode::kConflict, "the daemon sees other processes (another /proc)");
  }
  return {};
}

Result<void> MachineApi::way_is_clear() const {
  if (settings_.keep_open.count() == 0) {
    return fail(ErrorCode::kNotSupported, "the daemon keeps no driver session (--keep-open 0)");
  }
  MIG_ASSIGN_OR_RETURN(const std::string lock, node_.places().writer_lock());
  const bool changing = base::FileLock::locked(lock).value_or(false);
  const bool asked_for = clock_.monotonic() < shut_until_ && shut_for_start_ &&
                         base::process_start(base::proc_root(), shut_for_) == shut_for_start_;
  if (changing || asked_for) {
    return fail(ErrorCode::kConflict, "a change of the machine is under way");
  }
  return {};
}

Result<std::string> MachineApi::machine(const wire::ReadingRequest& asked) {
  MIG_ASSIGN_OR_RETURN(const Inventory inventory, node_.inventory_again());
  return wire::machine_document(inventory, asked.part);
}

Result<std::string> MachineApi::smi(const wire::ReadingRequest& asked) {
  if (!smi::only_reads(asked.arguments)) {
    return fail(ErrorCode::kNotSupported, "only command lines that list once are run here");
  }
  MIG_ASSIGN_OR_RETURN(nvml::Session * session, node_.session());
  TextStream out;
  TextStream err;
  smi::SmiContext context;
  context.open = [session]() -> Result<std::shared_ptr<nvml::Session>> {
    return std::shared_ptr<nvml::Session>(session, [](nvml::Session*) {});  // not owned
  };
  context.out = out.file();
  context.err = err.file();
  if (out.file() == nullptr || err.file() == nullptr) {
    return fail(ErrorCode::kIo, "no memory for the answer");
  }
  wire::SmiAnswer answer;
  answer.exit_code = smi::smi_main(asked.arguments, context);
  answer.out = out.text();
  answer.err = err.text();
  return wire::smi_answer_document(answer, source_);
}

void MachineApi::rest_when_idle() {
  if (clock_.monotonic() >= open_until_) {
    node_.rest();
  }
}

}  // namespace mig::daemon
