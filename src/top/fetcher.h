// SPDX-License-Identifier: Apache-2.0
// The thread of a session that takes samples. Thread-safe.
#ifndef MIGCTL_TOP_FETCHER_H_
#define MIGCTL_TOP_FETCHER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "top/session.h"

namespace mig::top {

// What one turn of the thread found.
struct Fetched {
  Result<MachineSample> sample = MachineSample{};
  std::map<std::uint32_t, ProcessFacts> processes;
  std::map<std::uint32_t, std::string> users;
};

class Fetcher {
 public:
  static Result<std::unique_ptr<Fetcher>> start(Source source,
                                                std::string proc,
                                                std::int64_t interval_ms);
  // Waits for the thread at most a second: one that hangs in the driver is left behind.
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;
  Fetcher(Fetcher&&) = delete;
  Fetcher& operator=(Fetcher&&) = delete;

  // Readable when there is something to take.
  int descriptor() const;

  std::optional<Fetched> take();
  std::optional<Result<std::vector<DesiredGpu>>> take_desired();
  std::optional<Result<Plan>> take_plan();

  void interval(std::int64_t ms);
  void pause(bool on);
  void ask_desired();
  // Plans `layout`, as typed ("FILE" or "FILE -c CONFIG").
  void ask_plan(std::string layout);

 private:
  struct State;
  explicit Fetcher(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace mig::top

#endif  // MIGCTL_TOP_FETCHER_H_
