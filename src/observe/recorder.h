// SPDX-License-Identifier: Apache-2.0
// Keeps what the sampler tells: history and accounts. A thread of its own writes to the store, so
// that neither the sampler nor the daemon waits for a disk.
//
// Accounts are written with every tick, before its sample is published: a counter that somebody has
// seen does not fall when the process is killed. What a board used after the last tick is nobody's
// then (observe/energy.h).
//
// Threading: all members may be called from any thread.
#ifndef MIGCTL_OBSERVE_RECORDER_H_
#define MIGCTL_OBSERVE_RECORDER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mig/result.h"

#include "model/sample.h"
#include "observe/carried.h"
#include "store/watch.h"

namespace mig::observe {

class Recorder {
 public:
  // `store`: path of the store, made if it is not there; `boot_id`: of the running machine, since
  // energy counters begin anew when it boots, and no instance outlives that.
  static Result<std::unique_ptr<Recorder>> open(const std::string& store,
                                                const std::string& boot_id);
  virtual ~Recorder() = default;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  Recorder(Recorder&&) = delete;
  Recorder& operator=(Recorder&&) = delete;

  // Accounts of an earlier process; valid until the first record().
  virtual const Accounts& before() const = 0;

  // With leases, as it is published. Where the disk is so slow that samples pile up, some are left
  // out.
  virtual void record(std::shared_ptr<const MachineSample> sample) = 0;
  // Waits until they are written, but for a quarter of a second at most.
  virtual void keep(Accounts accounts) = 0;

  // `done` is called on the recorder's thread. A period of a second is answered from memory, for
  // the last hour.
  using Rows = Result<std::vector<store::HistoryRow>>;
  virtual void history(store::HistoryQuery query, std::function<void(Rows)> done) = 0;

  // The last thing that could not be written; "" = all could be.
  virtual std::string problem() const = 0;

  // Writes what is left, and ends the thread.
  virtual void stop() = 0;

 protected:
  Recorder() = default;
};

// Accounts as rows of the store, and back. Rows of another boot: the counters begin anew, and the
// instances are gone.
store::AccountRows rows_of(const Accounts& accounts, const std::string& boot_id);
Accounts accounts_of(const store::AccountRows& rows, const std::string& boot_id);

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_RECORDER_H_
