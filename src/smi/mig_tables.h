// SPDX-License-Identifier: Apache-2.0
// The tables of `nvidia-smi mig`, as text from plain rows. Widths are those of driver 580, read off
// a real H200 (-lgip) and published listings of R575..R580 (-lgi, -lci, -lcip).
// Threading: pure functions.
#ifndef MIGCTL_SMI_MIG_TABLES_H_
#define MIGCTL_SMI_MIG_TABLES_H_

#include <string>
#include <vector>

namespace mig::smi {

struct GiProfileRow {
  unsigned gpu, id, free, total;
  unsigned long long memory_mib;
  bool p2p;
  unsigned sm, decoders, encoders, copy_engines, jpeg, ofa;
  std::string name;  // name as NVML has it: "MIG 1g.18gb"
};

struct GiRow {
  unsigned gpu;
  std::string name;
  unsigned profile_id, id, start, size;
};

struct CiProfileRow {
  unsigned gpu, gi;
  std::string name;
  unsigned id;
  bool is_default;  // fills its GPU instance
  unsigned free, total, sm, decoders, encoders, ofa, copy_engines, jpeg;
};

struct CiRow {
  unsigned gpu, gi;
  std::string name;
  unsigned profile_id, id, start, size;
};

struct PlacementRow {
  unsigned gpu, profile_id;
  std::vector<unsigned> starts;
  unsigned size;
};

std::string gi_profile_table(const std::vector<GiProfileRow>& rows);
std::string gi_table(const std::vector<GiRow>& rows);
std::string ci_profile_table(const std::vector<CiProfileRow>& rows);
std::string ci_table(const std::vector<CiRow>& rows);
// A line of -lgipp: "GPU  0 Profile ID 19 Placements: {0,1,2}:1".
std::string gi_placement_line(const PlacementRow& row);
std::string ci_placement_line(const PlacementRow& row, unsigned gi);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_MIG_TABLES_H_
