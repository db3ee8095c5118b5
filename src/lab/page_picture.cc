// SPDX-License-Identifier: Apache-2.0
#include "lab/page_picture.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include "base/fd.h"
#include "base/file.h"
#include "http/unix_socket.h"

namespace mig::lab {
namespace {

constexpr std::size_t kMostConnections = 32;
constexpr std::size_t kMostPicture = std::size_t{1} << 20U;
constexpr std::chrono::milliseconds kToDraw{40'000};
constexpr int kPollMs = 50;

// One connection of the browser and the one that it leads to.
struct Pair {
  base::Fd browser, daemon;
};

// A port of 127.0.0.1 that leads to a unix socket, until this object goes.
class Forward {
 public:
  static Result<std::unique_ptr<Forward>> start(std::string socket) {
    std::unique_ptr<Forward> made(new Forward(std::move(socket)));
    made->listener_ = base::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (!made->listener_.valid() || ::bind(made->listener_.get(), plain, size) != 0 ||
        ::listen(made->listener_.get(), SOMAXCONN) != 0 ||
        ::getsockname(made->listener_.get(), plain, &size) != 0) {
      return base::errno_error("listen on", "127.0.0.1", errno);
    }
    made->port_ = ntohs(address.sin_port);
    made->thread_ = std::thread([raw = made.get()] { raw->serve(); });
    return made;
  }

  ~Forward() {
    stop_ = true;
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  Forward(const Forward&) = delete;
  Forward& operator=(const Forward&) = delete;
  Forward(Forward&&) = delete;
  Forward& operator=(Forward&&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  explicit Forward(std::string socket) : socket_(std::move(socket)) {}

  void serve() {
    while (!stop_) {
      std::vector<pollfd> polled = {{listener_.get(), POLLIN, 0}};
      for (const Pair& pair : pairs_) {
        polled.push_back({pair.browser.get(), POLLIN, 0});
        polled.push_back({pair.daemon.get(), POLLIN, 0});
      }
      if (::poll(polled.data(), polled.size(), kPollMs) <= 0) {
        continue;
      }
      for (std::size_t at = 0; at < pairs_.size(); ++at) {
        Pair& pair = pairs_[at];
        const bool alive = (polled[1 + 2 * at].revents == 0 || move(pair.browser, pair.daemon)) &&
                           (polled[2 + 2 * at].revents == 0 || move(pair.daemon, pair.browser));
        if (!alive) {
          pair = {};
        }
      }
      std::erase_if(pairs_, [](const Pair& pair) { return !pair.browser.valid(); });
      if (polled[0].revents != 0) {
        take();
      }
    }
  }

  void take() {
    Pair pair;
    pair.browser = base::Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!pair.browser.valid() || pairs_.size() >= kMostConnections ||
        http::connect_unix(socket_, pair.daemon) != 0) {
      return;
    }
    const timeval patience{5, 0};  // a reader that has stopped must not hold the others
    ::setsockopt(pair.browser.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(pair.daemon.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    pairs_.push_back(std::move(pair));
  }

  // False at the end of the stream.
  static bool move(const base::Fd& from, const base::Fd& to) {
    std::array<char, 16384> piece{};
    const ssize_t got = ::recv(from.get(), piece.data(), piece.size(), 0);
    ssize_t sent = 0;
    while (sent < got) {
      const auto left = static_cast<std::size_t>(got - sent);
      const ssize_t now = ::send(to.get(), piece.data() + sent, left, MSG_NOSIGNAL);
      if (now <= 0) {
        return false;
      }
      sent += now;
    }
    return got > 0;
  }

  std::string socket_;
  base::Fd listener_;
  std::uint16_t port_ = 0;
  std::vector<Pair> pairs_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace

Result<std::string> picture_of_page(const Terminal& terminal,
                                    const std::string& socket,
                                    const std::string& folder) {
  constexpr std::array<const char*, 3> kBrowsers = {
      "chromium", "chromium-browser", "google-chrome"};
  const auto* const browser = std::find_if(
      kBrowsers.begin(), kBrowsers.end(), [&](const char* one) { return terminal.has(one); });
  if (browser == kBrowsers.end()) {
    return fail(ErrorCode::kNotFound, "there is no Chromium to draw the page");
  }
  MIG_ASSIGN_OR_RETURN(const std::unique_ptr<Forward> forward, Forward::start(socket));
  const std::string file = folder + "/page.png";
  std::vector<std::string> words = {*browser,
                                    "--headless=new",
                                    "--disable-gpu",
                                    "--disable-dev-shm-usage",
                                    "--hide-scrollbars",
                                    "--no-first-run",
                                    "--disable-background-networking",
                                    "--disable-component-update",
                                    "--disable-sync",
                                    "--disable-extensions",
                                    "--user-data-dir=" + folder + "/browser",
                                    "--window-size=1180,950",
                                    "--virtual-time-budget=10000",  // until the page has asked
                                    "--screenshot=" + file};
  if (::geteuid() == 0) {
    words.emplace_back("--no-sandbox");  // Chromium refuses to run as root otherwise
  }
  words.push_back(fmt::format("http://127.0.0.1:{}/", forward->port()));
  Ways ways;
  ways.environment = {{"HOME", folder}};
  ways.patience = kToDraw;
  const Ran ran = terminal.run(words, ways);
  if (!ran.ok()) {
    return fail(ErrorCode::kIo,
                fmt::format("{} drew no page (exit code {})", *browser, ran.exit_code));
  }
  return base::read_file(file, kMostPicture);
}

}  // namespace mig::lab
