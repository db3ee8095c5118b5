// SPDX-License-Identifier: Apache-2.0
// For tests: tests/kubernetes/fake_api.py as a child process in a folder of its own.
#ifndef MIGCTL_KUBERNETES_API_TEST_FAKE_API_H_
#define MIGCTL_KUBERNETES_API_TEST_FAKE_API_H_

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "kubernetes/api/client.h"

namespace mig::kube {

using base::Json;

// Waits for a condition, far longer than a busy machine needs.
inline bool becomes(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

class FakeApi {
 public:
  explicit FakeApi(bool tls = true) {
    std::string name = std::filesystem::temp_directory_path() / "fake_api.XXXXXX";
    folder_ = ::mkdtemp(name.data());
    auto in = base::make_pipe();
    auto out = base::make_pipe();
    std::vector<std::string> words = {"python3", FAKE_API, folder_};
    if (!tls) {
      words.emplace_back("--plain");
    }
    const std::vector<char*> argv = base::exec_array(words);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(in->read.get(), 0);
      ::dup2(out->write.get(), 1);
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
    commands_ = std::move(in->write);
    answers_ = std::move(out->read);
    in->read.reset();
    out->write.reset();
    const Json hello = answer();
    scheme_ = tls ? "https" : "http";
    port_ = hello.value("port", 0);
    tls_ = tls;
  }

  ~FakeApi() {
    commands_.reset();  // it ends with its input
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }

  FakeApi(const FakeApi&) = delete;
  FakeApi& operator=(const FakeApi&) = delete;
  FakeApi(FakeApi&&) = delete;
  FakeApi& operator=(FakeApi&&) = delete;

  Json ask(const Json& command) {
    const std::string line = command.dump() + "\n";
    EXPECT_TRUE(base::write_all(commands_.get(), "the fake API server", line));
    return answer();
  }

  void fault(Json fault) { ask({{"set", {{"faults", Json::array({std::move(fault)})}}}}); }

  Json put(const std::string& path, const Json& object) {
    return ask({{"put", Json::array({path, object})}});
  }

  Json requests() { return ask({{"requests", true}}); }

  int port() const { return port_; }

  std::string file(const std::string& name) const { return folder_ + "/" + name; }

  std::string url() const { return fmt::format("{}://127.0.0.1:{}", scheme_, port_); }

  ApiConfig config() const {
    ApiConfig config;
    config.server = url();
    config.ca_file = tls_ ? file("ca.pem") : "";
    config.timeout = std::chrono::milliseconds(30'000);
    config.second = std::chrono::milliseconds(5);
    return config;
  }

  std::unique_ptr<ApiClient> client() const { return client(config()); }

  static std::unique_ptr<ApiClient> client(const ApiConfig& config) {
    auto api = ApiClient::open(config);
    EXPECT_TRUE(api) << (api ? "" : api.error().text());
    return api ? std::move(*api) : nullptr;
  }

 private:
  Json answer() {
    std::string line;
    char byte = 0;
    while (::read(answers_.get(), &byte, 1) == 1 && byte != '\n') {
      line += byte;
    }
    auto json = base::parse_json(line, {256U << 20U, "an answer of the fake API server"});
    EXPECT_TRUE(json) << line;
    return json.value_or(Json());
  }

  std::string folder_, scheme_;
  base::Fd commands_, answers_;
  pid_t child_ = -1;
  int port_ = 0;
  bool tls_ = true;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_API_TEST_FAKE_API_H_
