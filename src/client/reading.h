// SPDX-License-Identifier: Apache-2.0
// Warm readings: the daemon, whose driver is open, replies in a millisecond, while loading and
// initialising a driver in this process would take far longer. The result equals this process's own
// reading, or is empty after at most 50 ms: then the caller reads the driver itself.
//
//   client::Readings readings(options);
//   if (auto inventory = readings.inventory(wire::MachinePart::kState)) ...  // else read the
//   driver
//
// Threading: not thread-safe. Errors: none; the reason for an empty result goes to
// Options::on_note.
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

  // Asks a running daemon to close the GPUs, before a mode change or a reset. Waits at most a
  // second; if the daemon does not reply, the driver will report the GPU as in use. False: it did
  // not say that it has closed them.
  bool let_go();

  // True when there is a daemon; place() then has its socket.
  bool find();

  const std::optional<ReadingPlace>& place() const { return place_; }

 private:
  std::optional<std::string> ask(const std::string& path, const wire::ReadingRequest& request);
  wire::ReadingRequest request() const;
  void note(const std::string& line) const;

  Options options_;
  std::optional<ReadingPlace> place_;
  bool looked_ = false;
  bool gave_up_ = false;  // a failed attempt is not repeated in this process
};

// A node that reads through the daemon (Node::with_reader), and opens the driver when that fails;
// nullptr without a daemon. `part` is the part of the machine that the command needs.
std::unique_ptr<node::Node> warm_node(const Options& options, wire::MachinePart part);

}  // namespace mig::client

#endif  // MIGCTL_CLIENT_READING_H_
