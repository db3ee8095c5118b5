// SPDX-License-Identifier: Apache-2.0
#include "launch/confine.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include <dirent.h>
#include <fmt/format.h>
#include <sched.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"

namespace mig::launch {
namespace {

constexpr std::size_t kMostKept = 8;
constexpr std::size_t kCapabilityText = 4096;
constexpr char kTmpfsOptions[] = "mode=0755,size=64k,nr_inodes=32";

// Device minor in an access file, "DeviceFileMinor: 30".
Result<std::uint32_t> capability_minor(const std::string& path) {
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(path, kCapabilityText));
  constexpr std::string_view kKey = "DeviceFileMinor:";
  for (const std::string& line : base::split(text, '\n')) {
    if (!line.starts_with(kKey)) {
      continue;
    }
    const std::size_t digits = line.find_first_not_of(' ', kKey.size());
    if (digits == std::string::npos) {
      break;
    }
    if (const auto minor = base::parse_decimal(std::string_view(line).substr(digits), UINT32_MAX)) {
      return static_cast<std::uint32_t>(*minor);
    }
  }
  return fail(ErrorCode::kDriver, path + " names no capability: no line DeviceFileMinor");
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat first {};

  struct stat second {};

  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

std::vector<std::string> other_gpus(const std::string& dev, std::uint32_t gpu_minor) {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(dev.c_str()), ::closedir);
  if (!entries) {
    return found;
  }
  constexpr std::string_view kPrefix = "nvidia";
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(kPrefix)) {
      continue;
    }
    const auto minor = base::parse_decimal(name.substr(kPrefix.size()), UINT32_MAX);
    if (minor && *minor != gpu_minor) {
      found.push_back(fmt::format("{}/{}", dev, name));
    }
  }
  return found;
}

// Formats "/proc/self/fd/N" without allocation.
void fd_path(int fd, char (&out)[40]) noexcept {
  constexpr std::string_view kPrefix = "/proc/self/fd/";
  std::size_t at = 0;
  for (const char c : kPrefix) {
    out[at++] = c;
  }
  char digits[12];
  std::size_t count = 0;
  auto left = static_cast<unsigned>(fd);
  do {
    digits[count++] = static_cast<char>('0' + left % 10);
    left /= 10;
  } while (left != 0);
  while (count > 0) {
    out[at++] = digits[--count];
  }
  out[at] = '\0';
}

bool write_text(const char* path, const std::string& text) noexcept {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    return false;
  }
  const bool done = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  ::close(fd);
  errno = error;
  return done;
}

}  // namespace

Result<CapabilityNodes> capability_nodes(const DeviceRoots& roots,
                                         std::uint32_t gpu_minor,
                                         GpuInstanceId gi,
                                         ComputeInstanceId ci) {
  const std::string access = fmt::format(
      "{}/driver/nvidia/capabilities/gpu{}/mig/gi{}", roots.driver_proc, gpu_minor, gi.value);
  MIG_ASSIGN_OR_RETURN(const std::uint32_t of_gi, capability_minor(access + "/access"));
  MIG_ASSIGN_OR_RETURN(const std::uint32_t of_ci,
                       capability_minor(fmt::format("{}/ci{}/access", access, ci.value)));
  return CapabilityNodes{fmt::format("nvidia-cap{}", of_gi), fmt::format("nvidia-cap{}", of_ci)};
}

Result<Confinement::Area> Confinement::area_of(const std::string& dev,
                                               std::uint32_t gpu_minor,
                                               const std::vector<std::string>& kept) {
  Area area;
  area.caps = dev + "/nvidia-caps";
  for (const std::string& name : kept) {
    area.kept.push_back(area.caps + "/" + name);
    if (::access(area.kept.back().c_str(), F_OK) != 0) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("the instance's capability node {} is not there", area.kept.back()),
                  "nvidia-modprobe makes the nodes of capabilities");
    }
  }
  area.stand_in = area.caps + "/.hidden";
  area.hidden = other_gpus(dev, gpu_minor);
  return area;
}

Result<Confinement> Confinement::of(const DeviceRoots& roots,
                                    std::uint32_t gpu_minor,
                                    GpuInstanceId gi,
                                    ComputeInstanceId ci) {
  MIG_ASSIGN_OR_RETURN(const CapabilityNodes nodes, capability_nodes(roots, gpu_minor, gi, ci));
  const std::vector<std::string> kept = {nodes.gi, nodes.ci};
  Confinement out;
  MIG_ASSIGN_OR_RETURN(Area area, area_of(roots.dev, gpu_minor, kept));
  out.areas_.push_back(std::move(area));
  // In `sim shell` the machine's nodes are in /dev too.
  if (roots.dev != "/dev" && same_file(roots.dev + "/nvidiactl", "/dev/nvidiactl")) {
    MIG_ASSIGN_OR_RETURN(Area shell, area_of("/dev", gpu_minor, kept));
    out.areas_.push_back(std::move(shell));
  }
  if (::geteuid() != 0) {
    out.uid_map_ = fmt::format("{0} {0} 1", ::geteuid());
    out.gid_map_ = fmt::format("{0} {0} 1", ::getegid());
  }
  return out;
}

int Confinement::unshare_mounts(const char*& what) const noexcept {
  what = "make a mount namespace";
  if (uid_map_.empty()) {
    return ::unshare(CLONE_NEWNS) == 0 ? 0 : errno;
  }
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    return errno;
  }
  what = "map its own user into a user namespace";
  if (!write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/uid_map", uid_map_) ||
      !write_text("/proc/self/gid_map", gid_map_)) {
    return errno;
  }
  return 0;
}

int Confinement::keep(const std::string& path, int source) noexcept {
  const int target = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0);
  if (target < 0) {
    return errno;
  }
  ::close(target);
  char from[40];
  fd_path(source, from);
  return ::mount(from, path.c_str(), nullptr, MS_BIND, nullptr) == 0 ? 0 : errno;
}

int Confinement::cover(const Area& area, const char*& what) noexcept {
  std::array<int, kMostKept> sources{};
  what = "open the instance's capability nodes";
  for (std::size_t i = 0; i < area.kept.size(); ++i) {
    sources.at(i) = ::open(area.kept[i].c_str(), O_PATH | O_CLOEXEC);
    if (sources.at(i) < 0) {
      return errno;
    }
  }
  what = "cover nvidia-caps";
  if (::mount("tmpfs", area.caps.c_str(), "tmpfs", MS_NOSUID | MS_NOEXEC, kTmpfsOptions) != 0) {
    return errno;
  }
  what = "keep the instance's capability nodes";
  for (std::size_t i = 0; i < area.kept.size(); ++i) {
    if (const int error = keep(area.kept[i], sources.at(i)); error != 0) {
      return error;
    }
    ::close(sources.at(i));
  }
  what = "hide other GPUs' nodes";
  if (!area.hidden.empty() && ::mknod(area.stand_in.c_str(), S_IFSOCK, 0) != 0) {
    return errno;
  }
  for (const std::string& node : area.hidden) {
    if (::mount(area.stand_in.c_str(), node.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      return errno;
    }
  }
  if (!area.hidden.empty()) {
    ::unlink(area.stand_in.c_str());
  }
  what = "make nvidia-caps read-only";
  const unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC;
  return ::mount(nullptr, area.caps.c_str(), nullptr, flags, nullptr) == 0 ? 0 : errno;
}

int Confinement::enter(const char*& what) const noexcept {
  if (const int error = unshare_mounts(what); error != 0) {
    return error;
  }
  what = "keep its mounts to itself";
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return errno;
  }
  for (const Area& area : areas_) {
    if (const int error = cover(area, what); error != 0) {
      return error;
    }
  }
  return 0;
}

Result<void> Confinement::probe() const {
  MIG_ASSIGN_OR_RETURN(base::Pipe told, base::make_pipe());
  const pid_t child = ::fork();
  if (child == 0) {
    const char* what = "";
    const int error = enter(what);
    // fork copies the address space, so literals have the same address on both sides.
    const std::pair<int, const char*> answer{error, what};
    const bool sent = ::write(told.write.get(), &answer, sizeof answer) == sizeof answer;
    ::_exit(sent ? 0 : 1);
  }
  const int forked = errno;
  told.write.reset();
  std::pair<int, const char*> answer{EIO, "ask the kernel"};
  const bool heard = child > 0 && ::read(told.read.get(), &answer, sizeof answer) == sizeof answer;
  if (child > 0) {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (heard && answer.first == 0) {
    return {};
  }
  const int number = child < 0 ? forked : answer.first;
  return fail(
      number == EPERM || number == EACCES ? ErrorCode::kPermission : ErrorCode::kNotSupported,
      fmt::format("cannot {}: {}", answer.second, std::generic_category().message(number)),
      "run as root, or allow user namespaces (Ubuntu: sysctl "
      "kernel.apparmor_restrict_unprivileged_userns=0), or go without: --devices all");
}

}  // namespace mig::launch
