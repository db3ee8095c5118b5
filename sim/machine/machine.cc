// SPDX-License-Identifier: Apache-2.0
// Making and opening a machine's state file.
#include "sim/machine/machine.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <vector>

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>

#include "sim/machine/guests.h"
#include "sim/machine/mapping.h"
#include "sim/machine/mig.h"
#include "sim/machine/own_way.h"

namespace migsim {
namespace {

constexpr const char* kFileName = "machine.state";

std::string reason(int error) {
  char text[128];
  return ::strerror_r(error, text, sizeof(text));  // GNU strerror_r returns the text
}

Status failed(std::string what) {
  return Status{std::move(what), false};
}

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}

  ~Fd() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

bool write_all(int fd, const void* data, std::size_t size, std::size_t at) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t done = ::pwrite(fd, bytes, size, static_cast<off_t>(at));
    if (done < 0 && errno != EINTR) {
      return false;
    }
    if (done > 0) {
      bytes += done;
      at += static_cast<std::size_t>(done);
      size -= static_cast<std::size_t>(done);
    }
  }
  return true;
}

void set_text(char (&to)[40], const std::string& text) {
  std::snprintf(to, sizeof(to), "%s", text.c_str());
}

// Restarts the clocks of a state: they are CLOCK_BOOTTIME, which begins anew at each boot of the
// host.
void restart_clocks(State& state, std::uint64_t now) {
  for (GpuState& gpu : state.gpus) {
    gpu.energy_since_ns = now;
    gpu.counters.since_ns = now;
    for (GiState& gi : gpu.gis) {
      gi.counters.since_ns = now;
    }
  }
}

bool write_machine(int fd, const Hardware& hardware, const State& initial) {
  std::vector<std::byte> head(kHardwareAt);
  auto* header = new (head.data()) Header{};
  std::memcpy(header->magic, kMagic, sizeof(kMagic));
  header->version = kFormatVersion;
  header->header_size = sizeof(Header);
  header->hardware_size = sizeof(Hardware);
  header->state_size = sizeof(State);
  header->file_size = kFileSize;
  // No boot id in the header: the first open() then makes the lock.
  auto state = std::make_unique<State>(initial);
  restart_clocks(*state, now_ns());
  return write_all(fd, head.data(), head.size(), 0) &&
         write_all(fd, &hardware, sizeof(Hardware), kHardwareAt) &&
         write_all(fd, state.get(), sizeof(State), kStateAt) &&
         write_all(fd, state.get(), sizeof(State), kStateAt + kStateStride);
}

}  // namespace

Status Machine::create(const std::string& dir, const Hardware& hardware, const State& initial) {
  const std::string path = dir + "/" + kFileName;
  const std::string what = "cannot create the simulated machine " + path + ": ";
  if (const char* broken = broken_invariant(hardware, initial)) {
    return failed(what + "its initial state is broken: " + broken);
  }
  const Fd folder(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (folder.get() < 0) {
    return failed(what + "the folder " + dir + " cannot be opened (" + reason(errno) +
                  "); it must exist and be no symbolic link");
  }

  struct stat status {};

  if (::fstat(folder.get(), &status) != 0 || status.st_uid != ::geteuid()) {
    return failed(what + "the folder belongs to another user (uid " +
                  std::to_string(status.st_uid) + "); choose one of your own");
  }
  // Atomic publication: the complete file under a temporary name, then the real name, so no process
  // sees an incomplete machine.
  const std::string temporary = std::string(".") + kFileName + "." + std::to_string(::getpid()) +
                                "." + std::to_string(now_ns());
  const Fd file(::openat(
      folder.get(), temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) {
    return failed(what + "no file can be made in the folder (" + reason(errno) + ")");
  }
  auto owned = std::make_unique<Hardware>(hardware);
  owned->owner_uid = ::geteuid();
  // Allocates all blocks now: a full disk must fail here, not deliver SIGBUS to a client that
  // writes to the mapping.
  int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(kFileSize));
  const bool written = error == 0 && write_machine(file.get(), *owned, initial) &&
                       ::fchmod(file.get(), initial.options.shared != 0 ? 0644 : 0600) == 0 &&
                       ::fsync(file.get()) == 0 &&
                       ::linkat(folder.get(), temporary.c_str(), folder.get(), kFileName, 0) == 0;
  error = error != 0 ? error : errno;
  ::unlinkat(folder.get(), temporary.c_str(), 0);
  if (written && initial.options.shared != 0 &&
      (::mkdirat(folder.get(), "guests", 0700) != 0 ||
       ::fchmodat(folder.get(), "guests", 01777, 0) != 0)) {
    return failed(what + "its folder for other users cannot be made (" + reason(errno) + ")");
  }
  if (!written) {
    return failed(what +
                  (error == EEXIST ? "it exists; 'migctl sim destroy' removes it" : reason(error)));
  }
  return {};
}

namespace {

std::string user_name(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  char buffer[1024];
  if (::getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found != nullptr) {
    return entry.pw_name;
  }
  return "uid " + std::to_string(uid);
}

Status cannot_open(const std::string& path, int error) {
  const std::string what = "cannot open the simulated machine " + path + ": ";
  if (error == ENOENT || error == ENOTDIR) {
    return failed(what +
                  "there is none; 'migctl sim create' makes one, 'migctl sim list' shows "
                  "those there are");
  }
  if (error == ELOOP) {
    return failed(what + "it is a symbolic link; name the folder that holds the machine itself");
  }

  struct stat status {};

  if (error == EACCES && ::stat(path.c_str(), &status) == 0) {
    return failed(what + "it belongs to " + user_name(status.st_uid) +
                  " and is not shared; use it as that user or as root, or make it with --shared");
  }
  return failed(what + reason(error));
}

// Why the file is not a machine of this format version; empty when it is one.
std::string format_problem(int fd) {
  struct stat status {};

  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    return "it is not a regular file";
  }
  Header header{};
  // Magic, version and sizes have the same offsets in every format version.
  constexpr std::size_t kStable = offsetof(Header, boot_id);
  if (::pread(fd, static_cast<void*>(&header), kStable, 0) != static_cast<ssize_t>(kStable) ||
      std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0) {
    return "the file is not a simulated machine's";
  }
  if (header.version != kFormatVersion) {
    const bool older = header.version < kFormatVersion;
    return std::string("it was made by ") + (older ? "an older" : "a newer") + " migctl (format " +
           std::to_string(header.version) + "; this one has format " +
           std::to_string(kFormatVersion) + "); " +
           (older ? "destroy it and make it anew with 'migctl sim create'"
                  : "use that migctl, or destroy the machine and make it anew");
  }
  if (header.header_size != sizeof(Header) || header.hardware_size != sizeof(Hardware) ||
      header.state_size != sizeof(State) || header.file_size != kFileSize) {
    return "it was made by a differently built migctl of the same format version; make it anew "
           "with 'migctl sim create'";
  }
  if (status.st_size < static_cast<off_t>(kFileSize)) {
    return "the file is truncated (" + std::to_string(status.st_size) + " of " +
           std::to_string(kFileSize) + " bytes); make it anew with 'migctl sim create'";
  }
  return "";
}

// First open after a boot of the host: no client of the former boot lives, so the lock is made
// anew, and the simulated machine reboots with its host. The caller's file lock keeps two first
// openers from a race.
std::string adopt(int fd, Machine::Impl& impl) {
  const std::string id = host_boot_id();
  const std::string boot_id = id.empty() ? "host without a boot id" : id;
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) {
      return "it cannot be locked (" + reason(errno) + ")";
    }
  }
  Header& header = impl.header();
  std::string problem;
  if (header.boot_id[0] == '\0' || boot_id != header.boot_id) {
    auto state = std::make_unique<State>(impl.image(impl.active()));
    if (const char* broken = broken_invariant(impl.hardware(), *state)) {
      problem = std::string("its state is damaged (") + broken +
                "); make it anew with 'migctl sim create'";
    } else {
      if (header.boot_id[0] != '\0') {
        reboot(impl.hardware(), *state);
        restart_clocks(*state, now_ns());
      }
      std::memcpy(static_cast<void*>(&impl.image(impl.active() ^ 1U)), state.get(), sizeof(State));
      header.torn.store(1);
      header.checked_ns.store(0);
      impl.flip();
      const int error = make_lock(header.lock);
      problem = error != 0 ? "its lock cannot be made (" + reason(error) + ")" : "";
      if (error == 0) {
        set_text(header.boot_id, boot_id);
      }
    }
  }
  ::flock(fd, LOCK_UN);
  return problem;
}

}  // namespace

namespace {

// Why the caller must not trust the file (its owner, its mode: others could write it); empty when
// the caller may.
std::string owner_problem(int fd, const std::string& path, bool writable) {
  struct stat status {};

  if (::fstat(fd, &status) != 0) {
    return reason(errno);
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return "others can write to it, so nothing in it can be trusted; 'chmod go-w " + path +
           "' if they did not, or make it anew";
  }
  // The kernel lets root write any user's file; root of a user namespace only files of mapped
  // users.
  if (writable && status.st_uid != ::geteuid()) {
    return "it belongs to " + user_name(status.st_uid) +
           ", who can change it under the hands of root; use it as that user (sudo -u), or make "
           "one "
           "of root's own with --shared";
  }
  return "";
}

}  // namespace

std::unique_ptr<Machine> Machine::open(const std::string& dir, Status& status) {
  const std::string path = dir + "/" + kFileName;
  const std::string what = "cannot open the simulated machine " + path + ": ";
  constexpr int kHow = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  if (const std::string foreign = foreign_on_way(dir, false); !foreign.empty()) {
    status = failed(what + foreign);
    status.denied = true;
    return nullptr;
  }
  int fd = ::open(path.c_str(), O_RDWR | kHow);
  const bool writable = fd >= 0;
  if (!writable && (errno == EACCES || errno == EROFS)) {
    fd = ::open(path.c_str(), O_RDONLY | kHow);
  }
  const Fd file(fd);
  if (file.get() < 0) {
    status = cannot_open(path, errno);
    return nullptr;
  }
  std::string problem = owner_problem(file.get(), path, writable);
  // A state file of root's, by a hard link, in a folder that is not.
  problem = problem.empty() ? foreign_on_way(dir) : problem;
  if (!problem.empty()) {
    status = failed(what + problem);
    status.denied = true;
    return nullptr;
  }
  if (problem = format_problem(file.get()); !problem.empty()) {
    status = failed(what + problem);
    return nullptr;
  }
  const int access = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  void* base = ::mmap(nullptr, kFileSize, access, MAP_SHARED, file.get(), 0);
  if (base == MAP_FAILED) {
    status = failed(what + "it cannot be mapped (" + reason(errno) + ")");
    return nullptr;
  }
  auto impl = std::make_unique<Impl>();
  impl->dir = dir;
  impl->base = static_cast<std::byte*>(base);
  impl->writable = writable;
  impl->opened_by = ::geteuid();
  impl->boot_id = host_boot_id();
  problem = writable ? adopt(file.get(), *impl) : "";
  if (!problem.empty()) {
    status = failed(what + problem);
    return nullptr;
  }
  if (!writable) {
    impl->seen = std::make_unique<State>();
    impl->work = std::make_unique<State>();
  }
  status = {};
  return std::unique_ptr<Machine>(new Machine(std::move(impl)));
}

Machine::Impl::~Impl() {
  if (base != nullptr) {
    ::munmap(base, kFileSize);
  }
}

Machine::Machine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Machine::~Machine() = default;

const Hardware& Machine::hardware() const {
  return impl_->hardware();
}

bool Machine::writable() const {
  return impl_->writable;
}

std::uint32_t Machine::opened_by() const {
  return impl_->opened_by;
}

const std::string& Machine::dir() const {
  return impl_->dir;
}

std::uint64_t Machine::generation() const {
  return impl_->header().mirror.generation.load(std::memory_order_acquire);
}

std::uint64_t Machine::calls() const {
  return impl_->header().mirror.calls.load(std::memory_order_relaxed);
}

int make_lock(pthread_mutex_t& lock) {
  pthread_mutexattr_t attributes;
  int error = ::pthread_mutexattr_init(&attributes);
  if (error != 0) {
    return error;
  }
  error = ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  error = error != 0 ? error : ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  if (error == 0) {
    std::memset(static_cast<void*>(&lock), 0, sizeof(lock));
    error = ::pthread_mutex_init(&lock, &attributes);
  }
  ::pthread_mutexattr_destroy(&attributes);
  return error;
}

std::string host_boot_id() {
  const Fd file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  char text[37] = {};
  if (file.get() < 0 || ::read(file.get(), text, 36) != 36) {
    return "";
  }
  return text;
}

}  // namespace migsim
