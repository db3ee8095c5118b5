// SPDX-License-Identifier: Apache-2.0
#include "smi/mig_tables.h"

#include <cstddef>

#include "smi/text.h"

namespace mig::smi {
namespace {

std::string rule(std::size_t width, char line, char corner) {
  std::string out(width, line);
  out.front() = out.back() = corner;
  return out + "\n";
}

std::string heading(std::size_t width, const std::vector<const char*>& lines) {
  std::string out = rule(width, '-', '+');
  for (const char* line : lines) {
    append(out, "| %-*s|\n", static_cast<int>(width) - 3, line);
  }
  return out + rule(width, '=', '|');
}

std::string placements(const PlacementRow& row) {
  std::string out = row.starts.size() == 1 ? "Placement : {" : "Placements: {";
  for (std::size_t i = 0; i < row.starts.size(); ++i) {
    append(out, "%s%u", i == 0 ? "" : ",", row.starts[i]);
  }
  append(out, "}:%u\n", row.size);
  return out;
}

}  // namespace

std::string gi_profile_table(const std::vector<GiProfileRow>& rows) {
  constexpr std::size_t kWidth = 81;
  std::string out =
      heading(kWidth,
              {"GPU instance profiles:",
               "GPU   Name               ID    Instances   Memory     P2P    SM    DEC   ENC",
               "                               Free/Total   GiB              CE    JPEG  OFA"});
  for (const GiProfileRow& row : rows) {
    append(out,
           "|%4u  %-20s%2u     %u/%-9u%-11.2f%-7s%-7u%-6u%-4u|\n",
           row.gpu,
           row.name.c_str(),
           row.id,
           row.free,
           row.total,
           static_cast<double>(row.memory_mib) / 1024.0,
           row.p2p ? "Yes" : "No",
           row.sm,
           row.decoders,
           row.encoders);
    append(out, "|%64u%6u%6u   |\n", row.copy_engines, row.jpeg, row.ofa);
    out += rule(kWidth, '-', '+');
  }
  return out;
}

std::string gi_table(const std::vector<GiRow>& rows) {
  constexpr std::size_t kWidth = 59;
  std::string out = heading(kWidth,
                            {"GPU instances:",
                             "GPU   Name               Profile  Instance   Placement",
                             "                           ID       ID       Start:Size"});
  for (const GiRow& row : rows) {
    append(out,
           "|%4u  %-22s%2u%9u%11u:%-6u|\n",
           row.gpu,
           row.name.c_str(),
           row.profile_id,
           row.id,
           row.start,
           row.size);
    out += rule(kWidth, '-', '+');
  }
  return out;
}

std::string ci_profile_table(const std::vector<CiProfileRow>& rows) {
  constexpr std::size_t kWidth = 88;
  std::string out = heading(
      kWidth,
      {"Compute instance profiles:",
       "GPU     GPU       Name             Profile  Instances   Exclusive       Shared",
       "      Instance                       ID     Free/Total     SM       DEC   ENC   OFA",
       "        ID                                                          CE    JPEG"});
  for (const CiProfileRow& row : rows) {
    append(out,
           "|%4u%7u       %-20s%2u%c     %u/%-12u%-10u%-6u%-6u%-4u|\n",
           row.gpu,
           row.gi,
           row.name.c_str(),
           row.id,
           row.is_default ? '*' : ' ',
           row.free,
           row.total,
           row.sm,
           row.decoders,
           row.encoders,
           row.ofa);
    append(out, "|%71u%6u         |\n", row.copy_engines, row.jpeg);
    out += rule(kWidth, '-', '+');
  }
  return out;
}

std::string ci_table(const std::vector<CiRow>& rows) {
  constexpr std::size_t kWidth = 70;
  std::string out = heading(kWidth,
                            {"Compute instances:",
                             "GPU     GPU       Name             Profile   Instance   Placement",
                             "      Instance                       ID        ID       Start:Size",
                             "        ID"});
  for (const CiRow& row : rows) {
    append(out,
           "|%4u%7u       %-20s%2u%10u%11u:%-6u|\n",
           row.gpu,
           row.gi,
           row.name.c_str(),
           row.profile_id,
           row.id,
           row.start,
           row.size);
    out += rule(kWidth, '-', '+');
  }
  return out;
}

std::string gi_placement_line(const PlacementRow& row) {
  return text("GPU %2u Profile ID %2u ", row.gpu, row.profile_id) + placements(row);
}

std::string ci_placement_line(const PlacementRow& row, unsigned gi) {
  return text("GPU %2u GI %2u Profile ID %2u ", row.gpu, gi, row.profile_id) + placements(row);
}

}  // namespace mig::smi
