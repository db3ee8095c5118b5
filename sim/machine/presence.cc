// SPDX-License-Identifier: Apache-2.0
#include "sim/machine/presence.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>

#include "sim/machine/process.h"

namespace migsim {
namespace {

constexpr std::uint64_t kGuestSerial = UINT64_C(1) << 63U;
constexpr std::uint64_t kGuestOffset = UINT64_C(1) << 62U;

// Serials of guests have the top bit, which no file offset can have.
off_t offset_of(std::uint64_t serial) {
  const std::uint64_t low = serial & (kGuestOffset - 1);
  return static_cast<off_t>((serial & kGuestSerial) != 0 ? low | kGuestOffset : low);
}

struct flock lock_of(std::uint64_t serial, short type) {
  struct flock lock {};

  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = offset_of(serial);
  lock.l_len = 1;
  return lock;
}

// Descriptor of machine.json, opened once for each file and kept until the process ends; -1: it
// cannot be opened.
int lock_file(const std::string& machine_dir) {
  static std::mutex guard;
  static std::map<std::string, int> files;
  const std::string path = machine_dir + "/machine.json";
  const std::lock_guard<std::mutex> lock(guard);

  struct stat now {
  }, kept{};

  const auto known = files.find(machine_dir);
  if (known != files.end() && ::stat(path.c_str(), &now) == 0 &&
      ::fstat(known->second, &kept) == 0 && now.st_ino == kept.st_ino &&
      now.st_dev == kept.st_dev) {
    return known->second;
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0) {
    files[machine_dir] = fd;  // of a machine that was destroyed and made again: another file
  }
  return fd;
}

std::uint64_t own_pid_namespace() {
  struct stat status {};

  return ::stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

// The holder's pid here, 0: it has none here; nullopt: nobody holds it. `unknown` where it cannot
// be told.
std::optional<std::int32_t> holder_of(const std::string& machine_dir,
                                      std::uint64_t serial,
                                      bool& unknown) {
  const int fd = lock_file(machine_dir);
  struct flock lock = lock_of(serial, F_WRLCK);
  unknown = fd < 0 || ::fcntl(fd, F_GETLK, &lock) != 0;
  if (unknown || lock.l_type == F_UNLCK) {
    return std::nullopt;
  }
  return lock.l_pid > 0 ? lock.l_pid : 0;
}

}  // namespace

bool hold_presence(const std::string& machine_dir, std::uint64_t serial) {
  const int fd = lock_file(machine_dir);
  struct flock lock = lock_of(serial, F_RDLCK);
  return fd >= 0 && ::fcntl(fd, F_SETLK, &lock) == 0;
}

void drop_presence(const std::string& machine_dir, std::uint64_t serial) {
  if (const int fd = lock_file(machine_dir); fd >= 0) {
    struct flock lock = lock_of(serial, F_UNLCK);
    ::fcntl(fd, F_SETLK, &lock);
  }
}

Presence::Presence(const std::string& machine_dir)
    : machine_dir_(machine_dir), pid_namespace_(own_pid_namespace()) {}

bool Presence::alive(const ProcessState& process, bool quick) const {
  if (!of_another_namespace(process)) {
    return is_alive(process, quick);
  }
  bool unknown = false;
  return holder_of(machine_dir_, process.serial, unknown).has_value() || unknown;
}

std::optional<std::int32_t> Presence::pid_here(const ProcessState& process) const {
  if (!of_another_namespace(process)) {
    return process.pid;
  }
  bool unknown = false;
  const auto holder = holder_of(machine_dir_, process.serial, unknown);
  return holder && *holder > 0 ? holder : std::nullopt;
}

}  // namespace migsim
