// SPDX-License-Identifier: Apache-2.0
// One thread that owns a Node, for programs whose own thread must not wait: a driver call may hang,
// the writer lock may be held by another program's change. Jobs run one after the other; each has a
// name, so that whoever waits can be told what the driver is busy with
// (docs/adr/0011-driver-thread.md).
//
//   DriverThread driver(node, [&](auto call) { server->post(std::move(call)); });
//   driver.run("reading the machine",
//              [](node::Node& node) { return node.snapshot(node::Age::fresh()); },
//              [&](Result<node::Node::Snapshot> now) { ... });  // on the caller's thread
//
// Threading: run() and busy() from any thread. The Node must not be used elsewhere between the
// construction and a stop() that returned true.
#ifndef MIGCTL_SERVICE_DRIVER_THREAD_H_
#define MIGCTL_SERVICE_DRIVER_THREAD_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "mig/result.h"

#include "node/node.h"

namespace mig::service {

class DriverThread {
 public:
  // `post` runs a function on the caller's thread. It is called from the driver's thread, and not
  // after stop().
  using Post = std::function<void(std::function<void()>)>;
  DriverThread(node::Node& node, Post post);
  ~DriverThread();
  DriverThread(const DriverThread&) = delete;
  DriverThread& operator=(const DriverThread&) = delete;
  DriverThread(DriverThread&&) = delete;
  DriverThread& operator=(DriverThread&&) = delete;

  // Calls work(node) there, then done(result) here. False, and neither is called: so many jobs wait
  // that this one would be late anyway.
  template <class Work, class Done>
  bool run(std::string what, Work work, Done done) {
    return add(
        {std::move(what),
         [work = std::move(work), done = std::move(done)](node::Node& node, const Post& post) {
           auto result = std::make_shared<decltype(work(node))>(work(node));
           post([done, result] { done(std::move(*result)); });
         }});
  }

  // The job that the thread is at, and since when.
  struct Busy {
    std::string what;
    std::chrono::milliseconds since{0};
  };

  std::optional<Busy> busy() const;

  // Drops what waits, and waits for the job at hand. False: it is not over after `patience` (the
  // driver hangs). The thread is left to itself then, and the Node must neither be used nor
  // destroyed.
  bool stop(std::chrono::milliseconds patience);

  static constexpr std::size_t kMostJobs = 256;

 private:
  struct Job {
    std::string what;
    std::function<void(node::Node&, const Post&)> run;
  };

  struct Shared;

  bool add(Job job);
  static void work(const std::shared_ptr<Shared>& shared, node::Node& node);

  std::shared_ptr<Shared> shared_;  // with the thread, which may outlive this object
  std::thread thread_;
};

// That the driver is busy for so long that whoever waits for it should know; "" = it is not.
std::string driver_trouble(const std::optional<DriverThread::Busy>& busy);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_DRIVER_THREAD_H_
