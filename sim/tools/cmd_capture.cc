// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/cmd_capture.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <system_error>

#include <nlohmann/json.hpp>

#include "sim/gpus/board.h"
#include "sim/machine/own_way.h"
#include "sim/tools/capture.h"

namespace migsim {

namespace {

using Json = nlohmann::ordered_json;

// Report of a capture, printed beside the board file.
struct Findings {
  std::string builtin;  // key; "" = no built-in board has this name
  std::vector<Difference> differences;
};

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return text.data();
}

Problem set_key(const std::string& key, Board& board) {
  if (key.empty()) {
    return {};
  }
  if (key.size() >= sizeof(board.key) ||
      key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos) {
    return {Exit::kUsage,
            "\"" + key.substr(0, 80) + "\" is no board name",
            "use up to 63 lower case letters, digits and -"};
  }
  std::memcpy(board.key, key.c_str(), key.size() + 1);
  return {};
}

Problem examine(bool fill, Capture& capture, Findings& findings) {
  findings.builtin = builtin_key_of(capture.board.name);
  if (findings.builtin.empty()) {
    return fill ? Problem{Exit::kNotFound,
                          "no built-in board is called \"" + std::string(capture.board.name) +
                              "\", so there is nothing to fill in",
                          "leave --fill away, or see migctl sim boards"}
                : Problem{};
  }
  auto known = std::make_unique<Board>();
  std::string error;
  if (!load_board(builtin_board(findings.builtin), *known, error)) {
    return {Exit::kInternal, "built-in board " + findings.builtin + ": " + error, ""};
  }
  findings.differences = differences(capture, *known);
  if (fill && !fill_from(builtin_board(findings.builtin), capture, error)) {
    return {Exit::kInternal, "built-in board " + findings.builtin + ": " + error, ""};
  }
  return {};
}

Problem write_file(const std::string& path, const std::string& text) {
  if (const std::string foreign = foreign_on_way(path); !foreign.empty()) {
    return {Exit::kPermission, "cannot write board file " + path + ": " + foreign, ""};
  }
  const int fd = open_own_output(path, 0);

  struct stat info {};

  bool done =
      fd >= 0 && ::fstat(fd, &info) == 0 && (!S_ISREG(info.st_mode) || ::ftruncate(fd, 0) == 0);
  for (std::size_t at = 0; done && at < text.size();) {
    const ssize_t size = ::write(fd, text.data() + at, text.size() - at);
    done = size > 0 || (size < 0 && errno == EINTR);
    at += size > 0 ? static_cast<std::size_t>(size) : 0;
  }
  const int code = errno;
  if (fd >= 0) {
    done = ::close(fd) == 0 && done;
  }
  if (done) {
    return {};
  }
  return {code == EACCES || code == EPERM ? Exit::kPermission : Exit::kIo,
          "cannot write board file " + path + ": " +
              std::error_code(code, std::generic_category()).message(),
          ""};
}

void print_comparison(const Findings& findings, std::FILE* out) {
  const char* builtin = findings.builtin.c_str();
  if (findings.builtin.empty()) {
    std::fputs("no built-in board has this name: nothing to compare with\n", out);
    return;
  }
  if (findings.differences.empty()) {
    std::fprintf(out, "everything that was told is as in the built-in board %s\n", builtin);
    return;
  }
  const auto of_the_model =
      std::ranges::count_if(findings.differences, [](const Difference& d) { return !d.varies; });
  if (of_the_model == 0) {
    std::fprintf(out,
                 "every figure of the model is as in the built-in board %s; what changes from card "
                 "to card or from moment to moment:\n",
                 builtin);
  } else {
    std::fprintf(
        out,
        "%zu differences from the built-in board %s, %td of them in figures of the model:\n",
        findings.differences.size(),
        builtin,
        of_the_model);
  }
  for (const Difference& difference : findings.differences) {
    std::fprintf(out, "  %s\n", difference.line().c_str());
  }
}

Json differences_json(const std::vector<Difference>& differences) {
  Json list = Json::array();
  for (const Difference& difference : differences) {
    list.push_back({{"figure", difference.figure},
                    {"read", difference.read},
                    {"builtin", difference.builtin},
                    {"varies", difference.varies}});
  }
  return list;
}

void print_report(const CaptureRequest& request,
                  const Capture& capture,
                  const Findings& findings,
                  std::FILE* out) {
  std::fprintf(out,
               "GPU %u: %s, driver %s, %s\n",
               request.gpu,
               capture.board.name,
               capture.driver_version.c_str(),
               capture.machine.empty() ? capture.host.c_str()
                                       : ("simulated machine " + capture.machine).c_str());
  if (!capture.untold.empty()) {
    std::fputs("not told by the driver, null in the file:\n", out);
    for (const auto& [figure, why] : capture.untold) {
      std::fprintf(out, "  %-27s %s\n", figure.c_str(), why.c_str());
    }
  }
  for (const std::string& note : capture.notes) {
    std::fprintf(out, "note: %s\n", note.c_str());
  }
  print_comparison(findings, out);
  if (!request.file.empty()) {
    std::fprintf(out,
                 "wrote %s; use it: migctl sim create NAME --gpus \"1x %s\" --board-file %s\n",
                 request.file.c_str(),
                 capture.board.key,
                 request.file.c_str());
  }
}

void print_json(const CaptureRequest& request,
                const Capture& capture,
                const Findings& findings,
                const std::string& board_file) {
  Json untold = Json::array();
  for (const auto& [figure, why] : capture.untold) {
    untold.push_back({{"figure", figure}, {"why", why}});
  }
  Json document = {{"apiVersion", "migctl/v1"},
                   {"kind", "BoardCapture"},
                   {"simulated", !capture.machine.empty()},
                   {"board", capture.board.key},
                   {"name", capture.board.name},
                   {"driverVersion", capture.driver_version},
                   {"nvmlVersion", capture.nvml_version},
                   {"host", capture.host},
                   {"builtinBoard", findings.builtin.empty() ? Json() : Json(findings.builtin)},
                   {"differences", differences_json(findings.differences)},
                   {"notTold", untold},
                   {"notes", capture.notes}};
  if (request.file.empty()) {
    document["boardFile"] = Json::parse(board_file);
  } else {
    document["path"] = request.file;
  }
  std::puts(document.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

}  // namespace

Problem cmd_capture(const CaptureRequest& request, const SimPaths& paths) {
  if (!paths.open_driver) {
    return {Exit::kNoDriver, "this program cannot load a driver to capture from", ""};
  }
  SymbolLookup lookup;
  if (Problem problem = paths.open_driver(lookup); !problem.ok()) {
    return problem;
  }
  const NvmlCalls calls(std::move(lookup));
  const auto capture = std::make_unique<Capture>();
  if (Problem problem = read_board(calls, request.gpu, today(), *capture); !problem.ok()) {
    return problem;
  }
  Findings findings;
  if (Problem problem = examine(request.fill, *capture, findings); !problem.ok()) {
    return problem;
  }
  if (Problem problem = set_key(request.key, capture->board); !problem.ok()) {
    return problem;
  }
  const std::string text = print_board(*capture);
  const auto read_back = std::make_unique<Board>();
  if (std::string error; !load_board(text, *read_back, error)) {
    return {Exit::kNotSupported,
            "what GPU " + std::to_string(request.gpu) + " tells makes no board file: " + error,
            "please report it with the output of nvidia-smi mig -lgip and -lgipp"};
  }
  if (!request.file.empty()) {
    if (Problem problem = write_file(request.file, text); !problem.ok()) {
      return problem;
    }
  }
  if (request.json) {
    print_json(request, *capture, findings, text);
    return {};
  }
  if (request.file.empty()) {
    std::fputs(text.c_str(), stdout);
  }
  print_report(request, *capture, findings, request.file.empty() ? stderr : stdout);
  return {};
}

}  // namespace migsim
