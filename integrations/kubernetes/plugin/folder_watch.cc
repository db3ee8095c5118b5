// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/folder_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace mig::kube {
namespace {

constexpr std::uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

void drain(int fd) {
  std::array<char, 4096> buffer{};
  while (::read(fd, buffer.data(), buffer.size()) > 0) {
  }
}

}  // namespace

FolderWatch::FolderWatch(std::vector<std::string> folders)
    : folders_(std::move(folders)),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  watch_all();
}

void FolderWatch::watch_all() const {
  for (const auto& folder : folders_) {
    // Adding a watch again changes nothing, and a folder made anew under the name gets one.
    (void)::inotify_add_watch(inotify_.get(), folder.c_str(), kEvents);
  }
}

void FolderWatch::wait(std::chrono::milliseconds patience) {
  std::array<pollfd, 2> ready{{{inotify_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
  (void)::poll(ready.data(), ready.size(), static_cast<int>(patience.count()));
  drain(inotify_.get());
  drain(wake_.get());
  watch_all();
}

void FolderWatch::wake() const {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof(one));
}

}  // namespace mig::kube
