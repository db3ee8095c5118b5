// SPDX-License-Identifier: Apache-2.0
// Warm readings: what the daemon with its open driver tells in a millisecond, instead of loading
// and initialising a driver in this process. What comes is what this process would read itself, or
// nothing: then, and after at most 50 ms, the caller reads for itself.
//
//   client::Readings readings(options);
//   if (auto inventory = readings.inventory(wire::MachinePart::kState)) ...  // else read the
//   driver
//
// Threading: one thread. Errors: none; the reason for having nothing goes to Options::on_note.
#ifndef MIGCTL_CLIENT_READING_H_
#define MIGCTL_CLIENT_READING_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"

#include "client/machine.h"
#include "node/node.h"
#include "wire/reading.h"

namespace mig::client {

class Readings {
 public:
  explicit Readings(Options options) : options_(std::move(options)) {}

  std::optional<Inventory> inventory(wire::MachinePart part);
  // `arguments`: words after `smi`.
  std::optional<wire::SmiAnswer> smi(const std::vector<std::string>& arguments);

  // Asks the daemon, if one runs, to let go of the GPUs: before a mode change or a reset. Waits a
  // second at most; a daemon that does not answer will be found in the way by the driver.
  void let_go();

  // Whether there is a daemon to ask: then place() tells where.
  bool find();

  const std::optional<ReadingPlace>& place() const { return place_; }

 private:
  std::optional<std::string> ask(const std::string& path, const wire::ReadingRequest& request);
  wire::ReadingRequest request() const;
  void note(const std::string& line) const;

  Options options_;
  std::optional<ReadingPlace> place_;
  bool looked_ = false;
  bool gave_up_ = false;  // asked once in vain: not again in this process
};

// A node that reads through the daemon where it can (Node::with_reader), and opens the driver where
// it cannot; nullptr where there is no daemon to ask. `part` is what the command needs to know.
std::unique_ptr<node::Node> warm_node(const Options& options, wire::MachinePart part);

}  // namespace mig::client

#endif  // MIGCTL_CLIENT_READING_H_
