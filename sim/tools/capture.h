// SPDX-License-Identifier: Apache-2.0
// A board as read through an NVML library: `sim capture` writes it as a board file (format:
// sim/gpus/README.md). Reads only; figures that no call reports stay unknown and are listed.
// Threading: pure apart from the library's calls.
#ifndef MIGCTL_SIM_TOOLS_CAPTURE_H_
#define MIGCTL_SIM_TOOLS_CAPTURE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sim/machine/state.h"
#include "sim/tools/nvml_calls.h"
#include "sim/tools/problem.h"

namespace migsim {

// One entry of a board file's `provenance` or `sources`.
struct Origin {
  std::string kind;  // measured, captured, documented, derived, assumed
  std::string source;
  std::string driver;  // driver version; "" = null
  std::string date;

  bool operator<(const Origin& other) const {
    return std::tie(kind, source, driver, date) <
           std::tie(other.kind, other.source, other.driver, other.date);
  }
};

struct Capture {
  Board board;
  std::string driver_version, nvml_version;
  std::string machine;  // name of the simulated machine that was read; "" = hardware
  std::string host;     // "bare metal", "virtual machine, GPU passed through"
  std::string date;     // date in UTC: "2026-11-24"
  // Origin by "block.figure". A figure without an origin is unknown and has its reason in `untold`.
  std::map<std::string, Origin> origins;
  std::map<std::string, std::string> untold;
  // By GPU instance profile: origin of its compute profiles.
  enum class Compute { kDerived, kRead, kBuiltin };  // kRead: from an instance of the profile
  Compute compute[kMaxGiProfiles] = {};
  std::string builtin;  // key of the built-in board that fill_from copied figures from
  std::vector<std::string> notes;

  Origin measured() const;  // "measured"; "derived" on a simulated machine
  Origin derived(const std::string& how) const;
};

// Reads a GPU's board through NVML. `date` ("2026-11-24") is the caller's: no clock in here.
Problem read_board(const NvmlCalls& calls, unsigned gpu, const std::string& date, Capture& out);

// Parts of read_board; `device` is the GPU's handle.
Problem read_identity(const NvmlCalls& calls, nvmlDevice_t device, Capture& out);
void read_readings(const NvmlCalls& calls, nvmlDevice_t device, Capture& out);
Problem read_mig_table(const NvmlCalls& calls, nvmlDevice_t device, Capture& out);
// Derives compute profiles without an instance of each GPU instance profile: names, placements and
// SM counts follow the rule that holds on every known board.
void derive_compute_profiles(Board& board);
// Marks as default the profile with the most SMs among the compute profiles of all slices.
void mark_default(GiProfile& gi);

// Fills figures that NVML does not report from the board file of the same model, with their
// provenance. False, with `error` set, when the text is no board file.
bool fill_from(std::string_view board_file, Capture& capture, std::string& error);

// Prints the capture as a board file.
std::string print_board(const Capture& capture);

struct Difference {
  std::string figure;  // path: "power.limit_mw", "mig.profiles[enum=9].sm"
  std::string read, builtin;
  bool varies = false;  // true for figures that vary by card, host or moment: no fact of the model

  // One line for the user: "power.limit_mw: read 650000, the built-in board has 700000".
  std::string line() const;
};

// Differences from a board of the same model. Unknown figures are not compared.
std::vector<Difference> differences(const Capture& capture, const Board& other);

// Key of the built-in board with this NVML name, or "" when there is none.
std::string builtin_key_of(const char* name);

// A figure of Board and its place in the board file.
struct CaptureFigure {
  const char* block;
  const char* key;
  std::int64_t Board::*field;

  std::string path() const { return std::string(block) + "." + key; }
};

// All numeric figures of the blocks before `mig`, in the file's order.
const std::vector<CaptureFigure>& capture_figures();

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_CAPTURE_H_
