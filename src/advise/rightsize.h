// SPDX-License-Identifier: Apache-2.0
// Which profile a job needs: predictions for each, and the smallest one that meets a target. Pure
// functions.
//
// Never too small: a profile is chosen when its whole interval meets the target. When a smaller one
// may meet it as well, the choice is undecided and names the one to measure.
#ifndef MIGCTL_ADVISE_RIGHTSIZE_H_
#define MIGCTL_ADVISE_RIGHTSIZE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "advise/slowdown.h"
#include "model/rightsize_values.h"

namespace mig::advise {

// For each size, in its order. `whole`: the speeds' reference, mostly {1, 1}.
std::vector<rightsize::Prediction> predict(const Slowdown& slowdown,
                                           const std::vector<rightsize::Size>& sizes,
                                           std::optional<std::uint64_t> peak_memory_mib,
                                           double memory_margin);

// `predictions`: smallest profile first.
rightsize::Choice choose(const std::vector<rightsize::Prediction>& predictions,
                         const rightsize::Target& target);

// The profile on which a further run would help this choice most: the one it names, or where that
// has been measured with MPS, which cannot decide it, the next larger one that is open. "" = none.
std::string next_run(const std::vector<rightsize::Prediction>& predictions,
                     const rightsize::Choice& choice);

// The size on which the limited run should be: the smallest that holds the peak and has a fifth of
// the SMs or more (2g on most boards). nullptr when none but the largest holds it.
const rightsize::Size* second_size(const std::vector<rightsize::Size>& sizes,
                                   std::optional<std::uint64_t> peak_memory_mib,
                                   double memory_margin);

// True when the profile holds the peak and the margin.
bool holds(const rightsize::Size& size, std::uint64_t peak_memory_mib, double memory_margin);

// In words, from the share of the time in which the device waits for the host (measured), or from
// the fit's fixed share.
std::string host_words(std::optional<double> host_share, const std::optional<rightsize::Fit>& fit);

// The shape with this machine's own width, from checks of predictions between or beyond measured
// shares: wide enough for nine of ten of them, never narrower than half of the shipped one.
// Fewer than 5 checks change nothing.
rightsize::Shape recalibrated(const rightsize::Shape& shape, std::vector<double> errors);

// How far a checked prediction was off, in units of the interval's half-width; nullopt without one.
std::optional<double> off_by(const rightsize::Check& check);

}  // namespace mig::advise

#endif  // MIGCTL_ADVISE_RIGHTSIZE_H_
