// SPDX-License-Identifier: Apache-2.0
// A sample of the machine as metric families, and as the text that /metrics gives: own names
// (docs/reference/metrics.md has the table, which a test holds against this), and DCGM's.
//
// Unknown is absent: a reading that the driver does not give has no series, never a 0. A withdrawn
// sample has only what tells about the collector. Samples carry no timestamps: those would switch
// off a scraper's staleness, and a destroyed instance has to end at the next scrape. Every series
// of a simulated machine has the label simulated="true".
//
// Threading: pure functions. Example:
//   const std::string page = expose::render(sample, figures, {Format::kText, Dialect::kLegacy});
#ifndef MIGCTL_EXPOSE_RENDER_H_
#define MIGCTL_EXPOSE_RENDER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mig/ids.h"

#include "expose/family.h"
#include "expose/text.h"
#include "model/change_record.h"
#include "model/sample.h"

namespace mig::expose {

// DCGM's names beside our own: those up to dcgm-exporter 4.8 with its labels, those of 4.9 that
// have a published source, or none.
enum class Dialect { kOff, kLegacy, kNew };

const char* name_of(Dialect dialect);                         // "off", "legacy", "4.9"
std::optional<Dialect> parse_dialect(std::string_view word);  // nullopt: none of these

// What the daemon's store knows and no sensor.
struct NodeFigures {
  // Layout changes of the machine that have ended, by how; the last one's duration.
  std::map<ChangeState, std::uint64_t> changes;
  std::optional<double> last_change_seconds;
  std::optional<double> open_change_seconds;  // of the change under way, until now

  // Requests for instances that wait, summed up by tenant and profile.
  struct Waiting {
    std::string tenant, profile;
    std::uint64_t requests = 0;
    std::int64_t since_ms = 0;  // Unix time of the oldest
  };

  std::vector<Waiting> waiting;
  // Ids of batch jobs by GPU and, in MIG mode, GPU instance: a Slurm prolog's files (hpc_job.h).
  std::map<std::pair<GpuIndex, std::optional<GpuInstanceId>>, std::vector<std::string>> hpc_jobs;
  std::string version;  // of this program
};

struct RenderOptions {
  Format format = Format::kText;
  Dialect dialect = Dialect::kOff;
  // Names and ids of jobs, and uids: for readers who may see the leases of others. The tenant of an
  // instance is told without.
  bool jobs = true;
};

Families families_of(const MachineSample& sample,
                     const NodeFigures& figures,
                     const RenderOptions& options);

std::string render(const MachineSample& sample,
                   const NodeFigures& figures,
                   const RenderOptions& options);

// The sample without its readings, for a sampler that no longer delivers: what it was is not
// repeated as if it still were.
MachineSample withdrawn(const MachineSample& sample, const std::string& why);

}  // namespace mig::expose

#endif  // MIGCTL_EXPOSE_RENDER_H_
