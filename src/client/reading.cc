// SPDX-License-Identifier: Apache-2.0
#include "client/reading.h"

#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "base/proc_root.h"
#include "http/client.h"

namespace mig::client {
namespace {

// For connection and response together: the cost of a hanging daemon.
constexpr std::chrono::milliseconds kReadingTimeout{50};
constexpr std::chrono::milliseconds kLetGoTimeout{1000};
constexpr int kDone = 200;

}  // namespace

void Readings::note(const std::string& line) const {
  if (options_.on_note) {
    options_.on_note(line);
  }
}

bool Readings::find() {
  if (!looked_) {
    looked_ = true;
    std::string why = "--direct";
    if (!options_.direct) {
      place_ = reading_place(options_.choice, why);
    }
    if (!place_) {
      note("read from the driver: " + why);
    }
  }
  return place_.has_value() && !gave_up_;
}

wire::ReadingRequest Readings::request() const {
  return {options_.version, place_->machine.simulated_dir, base::proc_root()};
}

std::optional<std::string> Readings::ask(const std::string& path,
                                         const wire::ReadingRequest& request) {
  auto answer = http::call(
      place_->socket, "POST", path, wire::reading_request_document(request), kReadingTimeout);
  if (answer && answer->status == kDone) {
    return std::move(answer->body);
  }
  gave_up_ = true;
  const Error error = answer ? wire::parse_error(answer->body) : std::move(answer).error();
  note("read from the driver: " + error.text());
  return std::nullopt;
}

std::optional<Inventory> Readings::inventory(wire::MachinePart part) {
  if (!find()) {
    return std::nullopt;
  }
  wire::ReadingRequest asked = request();
  asked.part = part;
  const auto document = ask("/v1/machine", asked);
  if (!document) {
    return std::nullopt;
  }
  auto inventory = wire::parse_machine(*document);
  if (!inventory) {
    gave_up_ = true;
    note("read from the driver: " + inventory.error().text());
    return std::nullopt;
  }
  note("read through the daemon at " + place_->socket);
  return *std::move(inventory);
}

std::optional<wire::SmiAnswer> Readings::smi(const std::vector<std::string>& arguments) {
  if (!find()) {
    return std::nullopt;
  }
  wire::ReadingRequest asked = request();
  asked.arguments = arguments;
  const auto document = ask("/v1/smi", asked);
  if (!document) {
    return std::nullopt;
  }
  auto answer = wire::parse_smi_answer(*document);
  if (!answer) {
    note("read from the driver: " + answer.error().text());
    return std::nullopt;
  }
  note("read through the daemon at " + place_->socket);
  return *std::move(answer);
}

bool Readings::let_go() {
  const std::string socket = daemon_socket(options_.choice);
  if (!http::somebody_listens(socket)) {
    return true;
  }
  const auto answer =
      http::call(socket,
                 "POST",
                 "/v1/rest",
                 wire::reading_request_document({options_.version, "", base::proc_root()}),
                 kLetGoTimeout);
  if (!answer || answer->status != kDone) {
    note("the daemon at " + socket +
         " was asked to let go of the GPUs and did not say that it has");
    return false;
  }
  return true;
}

std::unique_ptr<node::Node> warm_node(const Options& options, wire::MachinePart part) {
  const auto readings = std::make_shared<Readings>(options);
  if (!readings->find()) {
    return nullptr;
  }
  return node::Node::with_reader(readings->place()->machine, options.choice, [readings, part] {
    return readings->inventory(part);
  });
}

}  // namespace mig::client
