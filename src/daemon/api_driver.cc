// SPDX-License-Identifier: Apache-2.0
// Api: work of the driver's thread, and what waits for it.
#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "daemon/api.h"

namespace mig::daemon {
namespace {

using Steady = std::chrono::steady_clock;

// How long a request waits for a reading of the machine.
constexpr std::chrono::milliseconds kPatience{500};

using Reading = service::LeaseDesk::Reading;

Reading read_machine(node::Node& node) {
  Reading reading{fail(ErrorCode::kInternal, "not read"), base::system_clock().monotonic()};
  reading.now = node.snapshot(node::Age::fresh());
  return reading;
}

}  // namespace

void Api::use(service::DriverThread& driver, Loop loop, std::function<void()> after_work) {
  driver_ = &driver;
  loop_ = std::move(loop);
  after_work_ = std::move(after_work);
  desk_.use({[this] { ask_reading(); },
             [this](const lease::Creation& creation, const MadeFor& made_for) {
               make(creation, made_for);
             },
             [this] { return trouble(); },
             [this](std::optional<std::int64_t> limit_ms) { reclaim(limit_ms); }});
}

std::string Api::trouble() const {
  return driver_ == nullptr ? "" : service::driver_trouble(driver_->busy());
}

// One reading at a time: whoever wants one in the meantime gets the next.
void Api::ask_reading() {
  if (reading_) {
    return;
  }
  reading_ = driver_->run(
      "reading the machine",
      [after = after_work_](node::Node& node) {
        Reading reading = read_machine(node);
        after();
        return reading;
      },
      [this](Reading reading) {
        reading_ = false;
        if (const auto came = desk_.read_came(std::move(reading)); !came) {
          for (Awaiting& one : awaiting_) {
            one.until = Steady::now();  // what is known is all there is
          }
          if (on_trouble) {
            on_trouble(came.error());
          }
        }
        run_awaiting();
        soon(false);
      });
}

// On the driver's thread, with a handle of the store of its own.
void Api::reclaim(std::optional<std::int64_t> limit_ms) {
  if (reclaiming_) {
    return;
  }
  reclaiming_ = driver_->run(
      "looking for idle instances",
      [limit_ms, reclaimer = reclaimer_, after = after_work_](node::Node& node) -> Result<void> {
        if (*reclaimer == nullptr) {
          MIG_ASSIGN_OR_RETURN(*reclaimer, service::Reclaimer::open(node));
        }
        node::Node::Snapshot now;
        const auto read = [&]() -> Result<const Inventory*> {
          MIG_ASSIGN_OR_RETURN(now, node.snapshot(node::Age::fresh()));
          return now.get();
        };
        Result<void> done = (*reclaimer)->look(read, limit_ms);
        after();
        return done;
      },
      [this](const Result<void>& done) {
        reclaiming_ = false;
        if (!done && on_trouble) {
          on_trouble(done.error());
        }
      });
}

void Api::make(const lease::Creation& creation, const MadeFor& made_for) {
  struct Made {
    Result<void> done;
    Reading reading;
  };

  const bool asked = driver_->run(
      "creating an instance for " + creation.need.str(),
      [creation, made_for, after = after_work_](node::Node& node) {
        Made made{service::LeaseDesk::create(node, creation, made_for),
                  {fail(ErrorCode::kInternal, "not read"), {}}};
        made.reading = read_machine(node);
        after();
        return made;
      },
      [this, creation](Made made) {
        const bool later = !made.done && made.done.error().code == ErrorCode::kConflict;
        const auto noted = desk_.made(creation, made.done, std::move(made.reading));
        if (!noted && on_trouble) {
          on_trouble(noted.error());
        }
        run_awaiting();
        if (!later) {
          soon(false);  // else another program changes the machine: the next tick tries again
        }
      });
  if (!asked) {
    static_cast<void>(
        desk_.made(creation,
                   fail(ErrorCode::kConflict, "too much waits for the driver"),
                   {fail(ErrorCode::kConflict, "too much waits for the driver"), {}}));
  }
}

void Api::on_driver(const std::string& what,
                    const Work& work,
                    const std::function<void(Result<std::string>)>& done,
                    std::optional<std::chrono::milliseconds> patience) {
  if (driver_ == nullptr) {
    return done(work(desk_.node()));
  }
  // Emptied by the answer, on this thread: neither the driver's thread nor the timer keeps what
  // belongs to a connection.
  const auto waiting = std::make_shared<std::function<void(Result<std::string>)>>(done);
  const auto once = [waiting](Result<std::string> result) {
    if (const auto call = std::exchange(*waiting, nullptr)) {
      call(std::move(result));
    }
  };
  const bool asked = driver_->run(
      what,
      [work, after = after_work_](node::Node& node) {
        Result<std::string> result = work(node);
        after();
        return result;
      },
      once);
  if (!asked) {
    return once(
        fail(ErrorCode::kNoCapacity,
             "too many requests wait for the driver" + (trouble().empty() ? "" : ": " + trouble()),
             "try again later"));
  }
  if (!patience) {
    return;
  }
  loop_.after(*patience, [this, once, waiting, what, seconds = patience->count() / 1000] {
    if (!*waiting) {
      return;
    }
    const std::string why = trouble();
    once(fail(ErrorCode::kTimeout,
              fmt::format("the driver has not answered for {} s ({}){}",
                          seconds,
                          what,
                          why.empty() ? "" : ": " + why),
              "leases and the queue go on with what is known; `dmesg` may tell of the driver"));
  });
}

bool Api::later(std::chrono::milliseconds time, std::function<void()> call) {
  if (!loop_.after) {
    return false;
  }
  loop_.after(time, std::move(call));
  return true;
}

void Api::when_read(std::function<void()> call) {
  const auto age = std::chrono::nanoseconds(desk_.age().limit());
  if (desk_.knows(desk_.age())) {
    return call();
  }
  when_read(base::system_clock().monotonic() - age, std::move(call));
}

void Api::when_read(std::chrono::nanoseconds since, std::function<void()> call) {
  const auto busy = driver_ == nullptr ? std::nullopt : driver_->busy();
  if (driver_ == nullptr || desk_.reading_begun() >= since || (busy && busy->since > kPatience)) {
    return call();
  }
  awaiting_.push_back({std::move(call), since, Steady::now() + kPatience});
  loop_.after(kPatience, [this] { run_awaiting(); });
  ask_reading();
}

void Api::run_awaiting() {
  std::list<Awaiting> due;
  const auto now = Steady::now();
  for (auto one = awaiting_.begin(); one != awaiting_.end();) {
    const auto next = std::next(one);
    if (desk_.reading_begun() >= one->since || now >= one->until) {
      due.splice(due.end(), awaiting_, one);
    }
    one = next;
  }
  for (const Awaiting& one : due) {
    one.call();
  }
  if (!awaiting_.empty()) {
    ask_reading();
  }
}

}  // namespace mig::daemon
