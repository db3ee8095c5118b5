// SPDX-License-Identifier: Apache-2.0
// Inside of api/: a stream of bytes as lines, and as server-sent events. Threading: of one thread.
#ifndef MIGCTL_KUBERNETES_API_LINES_H_
#define MIGCTL_KUBERNETES_API_LINES_H_

#include <functional>
#include <string>
#include <string_view>

namespace mig::kube {

class Lines {
 public:
  // `on_line`: without its end ("\n" or "\r\n"); false ends the stream.
  Lines(std::size_t most_bytes, std::function<bool(std::string_view)> on_line)
      : most_bytes_(most_bytes), on_line_(std::move(on_line)) {}

  // false: `on_line` said so, or a line is too long. What is no whole line at the end of the stream
  // was cut off, and is not a line.
  bool feed(std::string_view bytes);

  bool too_long() const { return too_long_; }

 private:
  std::size_t most_bytes_;
  std::function<bool(std::string_view)> on_line_;
  std::string begun_;
  bool too_long_ = false;
};

// WHATWG HTML, section 9.2: one event of a server.
struct ServerEvent {
  std::string id, type, data;
};

class ServerEvents {
 public:
  // A line of the stream; true when it ends an event, which `event` then is. An event without data
  // is none; its id counts all the same.
  bool line(std::string_view line);

  const ServerEvent& event() const { return done_; }

  // Of the last event that was whole.
  const std::string& last_id() const { return last_id_; }

  // Of the event that has begun.
  std::size_t bytes() const { return data_.size(); }

  // The connection is another one: what had begun is not continued.
  void reconnected();

 private:
  std::string last_id_, id_, type_, data_;  // id_, type_, data_: of what has begun
  bool has_data_ = false;
  ServerEvent done_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_API_LINES_H_
