// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: a thread that is started in its scope gets no signals: they go to the
// program's own threads.
#ifndef MIGCTL_OBSERVE_SIGNALS_ELSEWHERE_H_
#define MIGCTL_OBSERVE_SIGNALS_ELSEWHERE_H_

#include <csignal>

namespace mig::observe {

class SignalsElsewhere {
 public:
  SignalsElsewhere() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }

  ~SignalsElsewhere() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  SignalsElsewhere(const SignalsElsewhere&) = delete;
  SignalsElsewhere& operator=(const SignalsElsewhere&) = delete;
  SignalsElsewhere(SignalsElsewhere&&) = delete;
  SignalsElsewhere& operator=(SignalsElsewhere&&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_SIGNALS_ELSEWHERE_H_
