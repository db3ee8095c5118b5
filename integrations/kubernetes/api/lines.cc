// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api/lines.h"

#include <utility>

namespace mig::kube {

bool Lines::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    too_long_ = begun_.size() + piece.size() > most_bytes_;
    if (too_long_) {
      return false;
    }
    begun_ += piece;
    if (end == std::string_view::npos) {
      return true;
    }
    bytes.remove_prefix(end + 1);
    std::string line = std::exchange(begun_, {});
    if (line.ends_with('\r')) {
      line.pop_back();
    }
    if (!on_line_(line)) {
      return false;
    }
  }
  return true;
}

bool ServerEvents::line(std::string_view line) {
  if (line.empty()) {
    last_id_ = id_;
    const bool whole = std::exchange(has_data_, false);
    if (whole) {
      done_ = {last_id_, std::move(type_), std::move(data_)};
    }
    type_.clear();
    data_.clear();
    return whole;
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value;
  if (colon != std::string_view::npos) {
    value = line.substr(colon + 1);
    if (value.starts_with(' ')) {
      value.remove_prefix(1);
    }
  }
  if (field == "id" && value.find('\0') == std::string_view::npos) {
    id_ = value;
  } else if (field == "event") {
    type_ = value;
  } else if (field == "data") {
    data_ += has_data_ ? "\n" : "";
    data_ += value;
    has_data_ = true;
  }
  return false;
}

void ServerEvents::reconnected() {
  id_ = last_id_;
  type_.clear();
  data_.clear();
  has_data_ = false;
}

}  // namespace mig::kube
