// SPDX-License-Identifier: Apache-2.0
// hostengine ADDRESS FOLDER: the tests' host engine on the machine in $MIGSIM_MACHINE. ADDRESS is
// the path of a UNIX socket, or a port of 127.0.0.1. In FOLDER it reads `fault` at each request
// (the word "hang": no answer for as long as it stands there) and writes `report` after each.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>

#include <netinet/in.h>

#include "sim/dcgm/engine.h"

namespace migsim::dcgm {
namespace {

constexpr int kTickMs = 20;
constexpr int kBacklog = 16;

int listen_at(const std::string& address) {
  const bool is_path = address.front() == '/';
  const int fd = ::socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int bound = -1;
  if (is_path) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strncpy(at.sun_path, address.c_str(), sizeof(at.sun_path) - 1);
    ::unlink(at.sun_path);
    bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at));
  } else {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(static_cast<std::uint16_t>(std::strtoul(address.c_str(), nullptr, 10)));
    const int yes = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at));
  }
  return bound == 0 && ::listen(fd, kBacklog) == 0 ? fd : -1;
}

bool receive_all(int fd, char* at, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::recv(fd, at, size, 0);
    if (got <= 0) {
      return false;
    }
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool send_all(int fd, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t sent = ::send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    at += static_cast<std::size_t>(sent);
  }
  return true;
}

class Server {
 public:
  Server(Machine& machine, std::string folder)
      : folder_(std::move(folder)), engine_(machine, fault_) {}

  void run(int listener) {
    for (;;) {
      std::vector<pollfd> fds = {{listener, POLLIN, 0}};
      for (const auto& [fd, persist] : connections_) {
        fds.push_back({fd, POLLIN, 0});
      }
      ::poll(fds.data(), fds.size(), kTickMs);
      engine_.update();
      if ((fds.front().revents & POLLIN) != 0) {
        connections_[::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)] = false;
      }
      for (std::size_t i = 1; i < fds.size(); ++i) {
        if (fds[i].revents != 0 && !serve(fds[i].fd)) {
          engine_.end(fds[i].fd, connections_[fds[i].fd]);
          connections_.erase(fds[i].fd);
          ::close(fds[i].fd);
        }
      }
      report();
    }
  }

 private:
  bool serve(int fd) {
    Request request;
    if (!receive_all(fd, reinterpret_cast<char*>(&request), sizeof(request)) ||
        request.bytes > kMostBytes) {
      return false;
    }
    std::string body(request.bytes, '\0');
    if (!receive_all(fd, body.data(), body.size())) {
      return false;
    }
    for (fault_ = read_fault(); fault_ == "hang"; fault_ = read_fault()) {
      ::usleep(kTickMs * 1000);
    }
    if (request.op == Op::kHello && body.size() == sizeof(Hello)) {
      connections_[fd] = reinterpret_cast<const Hello*>(body.data())->persist != 0;
    }
    std::string out;
    Answer answer;
    answer.status = engine_.answer(fd, request.op, body, out);
    answer.bytes = static_cast<std::uint32_t>(out.size());
    return send_all(fd, std::string(reinterpret_cast<const char*>(&answer), sizeof(answer)) + out);
  }

  std::string read_fault() const {
    std::ifstream in(folder_ + "/fault");
    std::string word;
    in >> word;
    return word;
  }

  void report() {
    const std::string text =
        "connections " + std::to_string(connections_.size()) + " " + engine_.report() + "\n";
    if (text == reported_) {
      return;
    }
    const std::string file = folder_ + "/report";
    std::ofstream(file + ".new") << text;
    if (::rename((file + ".new").c_str(), file.c_str()) == 0) {
      reported_ = text;
    }
  }

  std::string folder_, fault_, reported_;
  Engine engine_;
  std::map<int, bool> connections_;  // whether what it watches is to stay
};

int run(const std::string& address, const std::string& folder) {
  Status status;
  const std::string dir = Machine::find(status);
  const auto machine = status.ok() ? Machine::open(dir, status) : nullptr;
  if (!machine) {
    std::fprintf(stderr, "hostengine: %s\n", status.error.c_str());
    return 1;
  }
  const int listener = listen_at(address);
  if (listener < 0) {
    std::perror("hostengine: cannot listen");
    return 1;
  }
  Server(*machine, folder).run(listener);
  return 0;
}

}  // namespace
}  // namespace migsim::dcgm

int main(int argc, char** argv) {
  if (argc != 3 || *argv[1] == '\0') {
    std::fprintf(stderr, "usage: hostengine ADDRESS FOLDER\n");
    return 2;
  }
  return migsim::dcgm::run(argv[1], argv[2]);
}
