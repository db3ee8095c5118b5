// SPDX-License-Identifier: Apache-2.0
// A list and then a watch of a collection of the API server, kept up by a thread of its own: with
// bookmarks, resumed where it broke, listed anew after "410 Gone" and with a growing, jittered
// back-off after failures. Also the daemon's server-sent events, by the same transport.
//
// Threading: callbacks run on the watcher's thread, one at a time; the destructor stops it at once,
// in whatever it waits for, and waits for a callback under way. Do not destroy it in a callback.
#ifndef MIGCTL_KUBERNETES_API_WATCH_H_
#define MIGCTL_KUBERNETES_API_WATCH_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kubernetes/api/client.h"

namespace mig::kube {

// Times of a watch; tests shorten them.
struct Pace {
  // After a failure: doubled each time, each by chance between a half and the whole, until
  // something works again.
  std::chrono::milliseconds first_pause{500};
  std::chrono::milliseconds longest_pause{30'000};
  // What the server is asked to end a watch after. A connection that is silently dead for longer
  // (by `grace`) is given up; TCP keep-alive finds most of them within a minute.
  std::chrono::milliseconds watch{240'000};
  std::chrono::milliseconds grace{15'000};
  // Of the daemon's events, which beat each 15 s.
  std::chrono::milliseconds silence{45'000};
};

struct WatchHandlers {
  // All objects of the collection now: after each list.
  std::function<void(const std::vector<base::Json>&)> on_list;
  // "ADDED", "MODIFIED", "DELETED"; the object.
  std::function<void(const std::string&, const base::Json&)> on_event;
  // A failure, once when it begins; "" when it works again. A watch that cannot be resumed where it
  // broke (410 Gone, what is not understood) is listed anew.
  std::function<void(const std::string& trouble)> on_state;
};

class Watcher {
 public:
  // `api` must outlive it. `query` as of ApiClient::list.
  Watcher(
      ApiClient& api, std::string path, std::string query, WatchHandlers handlers, Pace pace = {});
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  Watcher(Watcher&&) = delete;
  Watcher& operator=(Watcher&&) = delete;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

// GET /v1/events of migd on its UNIX socket, with Last-Event-ID on reconnection.
class DaemonEvents {
 public:
  // `on_event`: the Event document. `on_state` as above. `on_reset`: read the state anew; called
  // after each connection, the first too, and for a "reset" event; what happens from then on comes.
  struct Handlers {
    std::function<void(const base::Json&)> on_event;
    std::function<void()> on_reset;
    std::function<void(const std::string& trouble)> on_state;
  };

  DaemonEvents(std::string socket, Handlers handlers, Pace pace = {});
  ~DaemonEvents();
  DaemonEvents(const DaemonEvents&) = delete;
  DaemonEvents& operator=(const DaemonEvents&) = delete;
  DaemonEvents(DaemonEvents&&) = delete;
  DaemonEvents& operator=(DaemonEvents&&) = delete;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_API_WATCH_H_
