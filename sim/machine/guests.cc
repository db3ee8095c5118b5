// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/guests.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bitset>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string_view>

#include <dirent.h>
#include <errno.h>

#include "abi/nvml.h"
#include "sim/machine/presence.h"
#include "sim/machine/process.h"

namespace migsim {
namespace {

constexpr std::uint64_t kNoteMagic = UINT64_C(0x7473657567676d00) + kFormatVersion;
constexpr std::uint32_t kGuests = kMaxProcesses - kFirstGuest;
constexpr double kMostPcie = 1e12;  // upper bound of a PCIe rate, in bytes per second

// Content of a guest's file: what one process of another user does on the shared machine.
struct Note {
  std::uint64_t magic = 0;
  std::uint64_t boot_count = 0;       // State::boot_count when written: a reboot ends every process
  std::uint64_t instance_serial = 0;  // a recreated instance has another one
  ProcessState process;
};

class NoteFile {
 public:
  explicit NoteFile(int fd) : fd_(fd) {}

  ~NoteFile() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  NoteFile(const NoteFile&) = delete;
  NoteFile& operator=(const NoteFile&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

std::uint64_t serial_of(const State& state, const ProcessState& process) {
  return process.gi == kNone ? 0 : state.gpus[process.gpu].gis[process.gi].cis[process.ci].serial;
}

bool instance_is_there(const Hardware& hardware, const State& state, const Note& note) {
  const ProcessState& process = note.process;
  if (process.gpu >= hardware.gpu_count || state.gpus[process.gpu].lost != 0) {
    return false;
  }
  const GpuState& gpu = state.gpus[process.gpu];
  if (process.gi == kNone) {
    return process.ci == kNone && gpu.mig_current == 0;
  }
  return process.gi < kMaxGis && process.ci < kMaxCis && gpu.gis[process.gi].used != 0 &&
         gpu.gis[process.gi].cis[process.ci].used != 0 &&
         note.instance_serial == serial_of(state, process);
}

// True when `uid` owns the process, by its pid here: a user's file may describe processes of that
// user only. One that is not visible here belongs to nobody whom it could be taken for.
bool is_theirs(std::optional<std::int32_t> pid, uid_t uid) {
  struct stat info {};

  const std::string folder = "/proc/" + std::to_string(pid.value_or(0));
  return !pid || ::stat(folder.c_str(), &info) != 0 || info.st_uid == uid;
}

double within(double value, double most) {
  return std::isfinite(value) && value > 0 ? std::min(value, most) : 0;
}

void sanitize(ProcessState& process) {
  for (std::uint32_t m = 0; m < kMetricCount; ++m) {
    process.rate[m] = within(process.rate[m], m == kPcieTx || m == kPcieRx ? kMostPcie : 1.0);
  }
  process.wants.sm = within(process.wants.sm, 1);
  process.wants.dram = within(process.wants.dram, 1);
  process.wants.pcie_tx = within(process.wants.pcie_tx, kMostPcie);
  process.wants.pcie_rx = within(process.wants.pcie_rx, kMostPcie);
  process.name[sizeof(process.name) - 1] = '\0';
  // Control characters: C0, DEL, and C1 in UTF-8 (0xC2 0x80 to 0xC2 0x9F), which steer a terminal.
  for (char* c = process.name; *c != '\0'; ++c) {
    const auto byte = static_cast<unsigned char>(*c);
    const auto next = static_cast<unsigned char>(c[1]);
    const bool two_bytes = byte == 0xC2 && next >= 0x80 && next < 0xA0;
    if (two_bytes) {
      c[1] = '?';
    }
    *c = two_bytes || byte < 0x20 || byte == 0x7F ? '?' : *c;
  }
  process.used = 1;
  process.kind = std::min(process.kind, 2U);
  process.contexts = std::clamp(process.contexts, 1U, kMaxProcesses);
}

bool read_note(int folder, const char* name, Note& note, uid_t& uid) {
  const NoteFile file(::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));

  struct stat info {};

  if (file.get() < 0 || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
      info.st_size != static_cast<off_t>(sizeof(Note)) ||
      ::pread(file.get(), static_cast<void*>(&note), sizeof(Note), 0) !=
          static_cast<ssize_t>(sizeof(Note))) {
    return false;
  }
  uid = info.st_uid;
  return note.magic == kNoteMagic;
}

bool is_good(const Hardware& hardware,
             const State& state,
             const Note& note,
             uid_t uid,
             const Presence& presence) {
  return note.process.pid > 0 && note.boot_count == state.boot_count &&
         instance_is_there(hardware, state, note) &&
         is_theirs(presence.pid_here(note.process), uid) && presence.alive(note.process, false);
}

// Puts the process into its slot. Its memory is capped at what is free; each Xid is raised once.
void settle_in(const Hardware& hardware, State& state, std::uint32_t slot, ProcessState process) {
  const ProcessState old = state.processes[slot];
  const bool known = old.used != 0 && old.serial == process.serial;
  sanitize(process);
  const Instance at{process.gpu, process.gi, process.ci};
  const std::uint64_t wanted = process.memory_bytes;
  process.memory_bytes = 0;
  state.processes[slot] = process;
  state.process_top = std::max(state.process_top, slot + 1);
  state.processes[slot].memory_bytes = std::min(wanted, memory_free(hardware, state, at));
  if (known && process.xids > old.xids) {
    raise_event(state, nvmlEventTypeXidCriticalError, process.last_xid, at);
  }
  state.generation += known ? 0 : 1;
}

std::uint32_t slot_of(std::string_view name) {
  std::uint32_t number = 0;
  const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool good = error == std::errc() && stop == name.data() + name.size();
  return good && number < kGuests ? kFirstGuest + number : kMaxProcesses;
}

std::string name_of(std::uint32_t slot) {
  return std::to_string(slot - kFirstGuest);
}

bool write_note(int folder, const std::string& name, const Note& note) {
  const NoteFile file(
      ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  return file.get() >= 0 && ::fchmod(file.get(), 0644) == 0 &&
         ::write(file.get(), static_cast<const void*>(&note), sizeof(Note)) ==
             static_cast<ssize_t>(sizeof(Note));
}

bool same_process_state(const ProcessState& a, const ProcessState& b) {
  return std::memcmp(static_cast<const void*>(&a), static_cast<const void*>(&b), sizeof(a)) == 0;
}

// Atomic publication: a complete temporary file, then its name; a new guest's name only if it does
// not exist yet (link, not rename).
bool tell(int folder, const State& now, std::uint32_t slot, bool is_new) {
  Note note;
  note.magic = kNoteMagic;
  note.process = now.processes[slot];
  note.boot_count = now.boot_count;
  note.instance_serial = serial_of(now, note.process);
  const std::string name = name_of(slot);
  const std::string made =
      "." + std::to_string(::getpid()) + "-" + name + "-" + std::to_string(::gettid());
  ::unlinkat(folder, made.c_str(), 0);
  bool done = write_note(folder, made, note);
  done = done && (is_new ? ::linkat(folder, made.c_str(), folder, name.c_str(), 0) == 0
                         : ::renameat(folder, made.c_str(), folder, name.c_str()) == 0);
  if (!done || is_new) {
    ::unlinkat(folder, made.c_str(), 0);
  }
  return done;
}

}  // namespace

std::string guests_folder(const std::string& machine_dir) {
  return machine_dir + "/guests";
}

bool take_in_guests(const Hardware& hardware, State& state, const std::string& folder, bool tidy) {
  const std::string machine_dir = folder.substr(0, folder.rfind('/'));
  const Presence presence(machine_dir);
  DIR* entries = ::opendir(folder.c_str());
  std::bitset<kGuests> there;
  bool changed = false;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = entries != nullptr ? ::readdir(entries) : nullptr) {
    const std::uint32_t slot = slot_of(entry->d_name);
    if (slot == kMaxProcesses) {
      continue;
    }
    Note note;
    uid_t uid = 0;
    if (!read_note(::dirfd(entries), entry->d_name, note, uid) ||
        !is_good(hardware, state, note, uid, presence)) {
      if (tidy) {
        ::unlinkat(::dirfd(entries), entry->d_name, 0);
      }
      continue;
    }
    there.set(slot - kFirstGuest);
    const ProcessState old = state.processes[slot];
    settle_in(hardware, state, slot, note.process);
    changed = changed || !same_process_state(old, state.processes[slot]);
  }
  if (entries != nullptr) {
    ::closedir(entries);
  }
  for (std::uint32_t slot = kFirstGuest; slot < state.process_top; ++slot) {
    if (state.processes[slot].used != 0 && !there.test(slot - kFirstGuest)) {
      state.processes[slot] = ProcessState{};
      ++state.generation;
      changed = true;
    }
  }
  while (state.process_top > 0 && state.processes[state.process_top - 1].used == 0) {
    --state.process_top;
  }
  return changed;
}

bool tell_as_guest(const State& before, const State& now, const std::string& folder) {
  const NoteFile place(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const ProcessIdentity self = this_process();
  bool told = true;
  for (std::uint32_t slot = kFirstGuest; slot < kMaxProcesses; ++slot) {
    const ProcessState& was = before.processes[slot];
    const ProcessState& is = now.processes[slot];
    const bool known = was.used != 0 && was.serial == is.serial;
    const bool own = is.used != 0 && is.pid == self.pid && is.start_ticks == self.start_ticks;
    if (own && !(known && same_process_state(was, is))) {
      told = tell(place.get(), now, slot, !known) && told;
    } else if (is.used == 0 && was.used != 0 && was.pid == self.pid) {
      ::unlinkat(place.get(), name_of(slot).c_str(), 0);
    }
  }
  return told;
}

}  // namespace migsim
