// SPDX-License-Identifier: Apache-2.0
// A board as an NVML library tells it: what `sim capture` writes to a board file
// (sim/gpus/README.md has the form). Reads only; what no call tells stays unknown and is listed.
// Threading: pure apart from the calls of the library.
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
  std::string driver;  // "" = null
  std::string date;

  bool operator<(const Origin& other) const {
    return std::tie(kind, source, driver, date) <
           std::tie(other.kind, other.source, other.driver, other.date);
  }
};

struct Capture {
  Board board;
  std::string driver_version, nvml_version;
  std::string machine;  // the simulated machine that was read; "" = hardware
  std::string host;     // "bare metal", "virtual machine, GPU passed through"
  std::string date;     // "2026-11-24", UTC
  // By "block.figure". A figure that has no origin is unknown and has a reason in `untold`.
  std::map<std::string, Origin> origins;
  std::map<std::string, std::string> untold;
  // By profile: where its compute profiles come from.
  enum class Compute { kDerived, kRead, kBuiltin };  // read: off a GPU instance of it
  Compute compute[kMaxGiProfiles] = {};
  std::string builtin;  // the board that fill_from took figures of
  std::vector<std::string> notes;

  Origin measured() const;  // "derived" of a simulated machine: that is no measurement
  Origin derived(const std::string& how) const;
};

// The date is the caller's: "2026-11-24".
Problem read_board(const NvmlCalls& calls, unsigned gpu, const std::string& date, Capture& out);

// The parts of it; `device` is the GPU's handle.
Problem read_identity(const NvmlCalls& calls, nvmlDevice_t device, Capture& out);
void read_readings(const NvmlCalls& calls, nvmlDevice_t device, Capture& out);
Problem read_mig_table(const NvmlCalls& calls, nvmlDevice_t device, Capture& out);
// What can be said without an instance of each profile: which compute profiles there are, where
// they may lie and how many SMs they have, as on every board that was seen.
void derive_compute_profiles(Board& board);
// Of the compute profiles with all the slices, the one with the most SMs.
void mark_default(GiProfile& gi);

// Takes what no call told from the text of a board file of the same model, with its provenance.
// False, with `error` set, when that text is no board file.
bool fill_from(std::string_view board_file, Capture& capture, std::string& error);

// The board file's text.
std::string print_board(const Capture& capture);

struct Difference {
  std::string figure;  // "power.limit_mw", "mig.profiles[enum=9].sm"
  std::string read, builtin;
  bool varies = false;  // from card to card, host to host or moment to moment: no fact of the model

  // "power.limit_mw: read 650000, the built-in board has 700000"
  std::string line() const;
};

// What differs from a board of the same model. What was not told is not compared.
std::vector<Difference> differences(const Capture& capture, const Board& other);

// The built-in board with this name (NVML's), or "" when there is none.
std::string builtin_key_of(const char* name);

// A figure of the board and where the board file has it.
struct CaptureFigure {
  const char* block;
  const char* key;
  std::int64_t Board::*field;

  std::string path() const { return std::string(block) + "." + key; }
};

// Every number of the blocks before `mig`, in the file's order.
const std::vector<CaptureFigure>& capture_figures();

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_CAPTURE_H_
