// SPDX-License-Identifier: Apache-2.0
// The claim engine from the command line, for claims.py: one call for each process, which can die
// before any of its steps as a killed mig-kubelet does.
//
//   mig-claims-driver CHECKPOINT SOCKET [--die-at N] prepare NAMESPACE NAME UID DEVICE...
//   ... unprepare NAMESPACE NAME UID | reconcile UID... | held | storm DEVICE...
//
// `storm`: a claim for each device, prepared by three threads at once, then given back by three.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/strings.h"
#include "kubernetes/claims/engine.h"

namespace {

using mig::kube::AllocatedDevice;
using mig::kube::ClaimEngine;
using mig::kube::ClaimRef;
using mig::kube::PreparedDevice;
using Words = std::vector<std::string>;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

int failed(const mig::Error& error) {
  std::fprintf(stderr, "%s: %s\n", mig::error_info(error.code).name.data(), error.text().c_str());
  return kFailed;
}

std::vector<AllocatedDevice> devices_of(const Words& names) {
  std::vector<AllocatedDevice> devices;
  for (const std::string& name : names) {
    devices.push_back({"request-" + name, "node", name, ""});
  }
  return devices;
}

int prepare(ClaimEngine& engine, const Words& words) {
  const auto prepared = engine.prepare({words.at(0), words.at(1), words.at(2)},
                                       devices_of({words.begin() + 3, words.end()}));
  if (!prepared) {
    return failed(prepared.error());
  }
  for (const PreparedDevice& device : *prepared) {
    std::printf("%s %s\n", device.device.c_str(), mig::base::join(device.cdi_ids, ",").c_str());
  }
  return 0;
}

int unprepare(ClaimEngine& engine, const Words& words) {
  const auto done = engine.unprepare({words.at(0), words.at(1), words.at(2)});
  return done ? 0 : failed(done.error());
}

int reconcile(ClaimEngine& engine, const Words& words) {
  const std::set<std::string> exist(words.begin(), words.end());
  const auto lines =
      engine.reconcile([&]() -> mig::Result<std::set<std::string>> { return exist; });
  if (!lines) {
    return failed(lines.error());
  }
  for (const std::string& line : *lines) {
    std::printf("%s\n", line.c_str());
  }
  return 0;
}

int held(ClaimEngine& engine) {
  for (const auto& device : engine.held()) {
    std::printf("%s %s %s %s\n",
                device.claim.str().c_str(),
                device.device.c_str(),
                device.instance.empty() ? "-" : device.instance.c_str(),
                device.made ? "made" : "found");
  }
  return 0;
}

int storm(ClaimEngine& engine, const Words& names) {
  constexpr std::size_t kEach = 3;
  std::atomic<int> bad = 0;
  const auto all = [&](auto call) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kEach * names.size(); ++i) {
      threads.emplace_back([&, i] { bad += call(i % names.size()) ? 0 : 1; });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  };
  const auto claim = [](std::size_t i) {
    return ClaimRef{"storm", "c" + std::to_string(i), "storm-" + std::to_string(i)};
  };
  std::vector<std::set<std::string>> answers(names.size());
  std::mutex mutex;
  all([&](std::size_t i) {
    const auto prepared = engine.prepare(claim(i), devices_of({names[i]}));
    if (!prepared) {
      return failed(prepared.error()) == 0;
    }
    const std::lock_guard lock(mutex);
    answers[i].insert(prepared->at(0).cdi_ids.at(0));
    return answers[i].size() == 1;
  });
  std::set<std::string> different;
  for (const auto& answer : answers) {
    different.insert(answer.begin(), answer.end());
  }
  std::printf("%zu instances\n", different.size());
  all([&](std::size_t i) {
    const auto done = engine.unprepare(claim(i));
    return done || failed(done.error()) == 0;
  });
  return bad == 0 ? 0 : kFailed;
}

int run(ClaimEngine& engine, const std::string& command, const Words& words) {
  if (command == "prepare" && words.size() >= 3) {
    return prepare(engine, words);
  }
  if (command == "unprepare" && words.size() == 3) {
    return unprepare(engine, words);
  }
  if (command == "reconcile") {
    return reconcile(engine, words);
  }
  if (command == "storm") {
    return storm(engine, words);
  }
  return command == "held" ? held(engine) : kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  Words words(argv + 1, argv + argc);
  int left = -1;
  if (words.size() >= 5 && words[2] == "--die-at") {
    left = std::atoi(words[3].c_str());
    words.erase(words.begin() + 2, words.begin() + 4);
  }
  if (words.size() < 3) {
    return kUsage;
  }
  mig::kube::EngineSettings settings{words[0], words[1], MIG_VERSION, {}};
  settings.before_step = [&left](std::string_view step) {
    if (left > 0 && --left == 0) {
      std::fprintf(stderr, "dies before: %s\n", std::string(step).c_str());
      ::raise(SIGKILL);
    }
  };
  auto engine = ClaimEngine::open(settings);
  if (!engine) {
    return failed(engine.error());
  }
  return run(**engine, words[2], {words.begin() + 3, words.end()});
}
