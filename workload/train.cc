// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <vector>

#include "workload/jobs.h"
#include "workload/output.h"
#include "workload/step_times.h"
#include "workload/stop.h"

namespace workload {

namespace {

struct Progress {
  std::uint64_t steps = 0;
  double seconds = 0;  // on the device's clock
  std::chrono::nanoseconds predicted{};
  std::vector<double> step_ms;

  double rate() const { return seconds > 0 ? static_cast<double>(steps) / seconds : 0; }
};

// Output line of the lab's script. No loss: the simulated device computes nothing.
void print_iteration(const Options& options,
                     const DeviceInfo& device,
                     std::uint64_t step,
                     std::FILE* out) {
  std::fprintf(out,
               "Job %s: Iteration %llu%s\n",
               options.name.c_str(),
               static_cast<unsigned long long>(step),
               device.simulated ? ", Loss: none (simulated)" : "");
  std::fflush(out);
}

Result train(Backend& backend,
             const Options& options,
             const DeviceInfo& device,
             Progress& progress,
             std::FILE* out) {
  const std::chrono::nanoseconds begin = backend.now();
  Result result;
  while (result.ok() && !stop_requested()) {
    const bool over =
        options.seconds > 0 ? progress.seconds >= options.seconds : progress.steps >= options.steps;
    if (over) {
      break;
    }
    if (!options.json && progress.steps % options.every == 0) {
      print_iteration(options, device, progress.steps, out);
    }
    const double begun = progress.seconds;
    result = backend.run_step();
    progress.steps += result.ok() && !stop_requested() ? 1 : 0;
    progress.seconds = std::chrono::duration<double>(backend.now() - begin).count();
    if (options.time_steps && progress.step_ms.size() < kMostStepTimes) {
      progress.step_ms.push_back((progress.seconds - begun) * 1e3);
    }
  }
  return result;
}

void print_end(const Options& options,
               const DeviceInfo& device,
               const StepWork& work,
               const Progress& progress,
               int code,
               std::FILE* out) {
  if (!options.json) {
    std::fprintf(out,
                 "Job %s: %s. Throughput: %.2f iter/sec%s\n",
                 options.name.c_str(),
                 stop_requested() ? "Stopped" : "Completed",
                 progress.rate(),
                 device.simulated ? " (simulated)" : "");
    return;
  }
  Json document = result_json("train", options, device);
  document["precision"] = precision_name(work.precision);
  document["batch"] = options.batch;
  document["model"] = options.model->name;
  document["parameters"] = parameter_count(*options.model);
  document["flopsPerStep"] = work.flops;
  document["bytesPerStep"] = work.bytes_moved;
  document["memoryHeldBytes"] = work.bytes_held;
  document["predictedStepUs"] = static_cast<double>(progress.predicted.count()) / 1e3;
  document["steps"] = progress.steps;
  document["seconds"] = progress.seconds;
  document["stepsPerSecond"] = progress.rate();
  document["samplesPerSecond"] = progress.rate() * options.batch;
  if (!progress.step_ms.empty()) {
    const StepTimes times = summary(progress.step_ms);
    document["stepMsP50"] = times.p50_ms;
    document["stepMsP99"] = times.p99_ms;
    document["stepMsMax"] = times.max_ms;
  }
  document["stopped"] = stop_requested();
  document["exitCode"] = code;
  print_line(document, out);
}

}  // namespace

int run_train(Backend& backend, const Options& options, std::FILE* out) {
  const StepWork work = step_work(options.batch, options.precision, *options.model);
  DeviceInfo device;
  Progress progress;
  Result result = backend.info(device);
  if (result.ok()) {
    result = backend.allocate(work.bytes_held);
  }
  if (result.ok()) {
    result = backend.prepare(work, progress.predicted);
  }
  if (!result.ok()) {
    return report_failure("train", options, result, out);
  }
  if (!options.json) {
    std::fprintf(out,
                 "Job %s: Starting on %s%s, %s, batch %u\n",
                 options.name.c_str(),
                 device.name.c_str(),
                 device.simulated ? " (simulated)" : "",
                 precision_name(options.precision),
                 options.batch);
  }
  announce("train", options, out);
  result = train(backend, options, device, progress, out);
  if (!result.ok()) {
    return report_failure("train", options, result, out);
  }
  const int code = stop_requested() ? 128 + stop_signal() : 0;
  print_end(options, device, work, progress, code, out);
  return code;
}

}  // namespace workload
