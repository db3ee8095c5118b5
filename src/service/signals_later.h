// SPDX-License-Identifier: Apache-2.0
#ifndef MIGCTL_SERVICE_SIGNALS_LATER_H_
#define MIGCTL_SERVICE_SIGNALS_LATER_H_

#include <csignal>

#include <pthread.h>

namespace mig::service {

// Defers signals during a short change, so that the process ends only after its completion.
class SignalsLater {
 public:
  SignalsLater() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }

  ~SignalsLater() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  SignalsLater(const SignalsLater&) = delete;
  SignalsLater& operator=(const SignalsLater&) = delete;
  SignalsLater(SignalsLater&&) = delete;
  SignalsLater& operator=(SignalsLater&&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_SIGNALS_LATER_H_
