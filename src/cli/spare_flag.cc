// SPDX-License-Identifier: Apache-2.0
#include "cli/spare_flag.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "base/strings.h"

namespace mig::cli {
namespace {

// Upper limit: more than any machine of 64 GPUs holds.
constexpr std::uint64_t kMostSpare = 448;

Result<SpareRoom> parse_spare(const std::string& word) {
  const auto colon = word.rfind(':');
  const auto profile = ProfileName::parse(word.substr(0, colon));
  const auto count = colon == std::string::npos
                         ? std::optional<std::uint64_t>(1)
                         : base::parse_decimal(word.substr(colon + 1), kMostSpare);
  if (!profile || !count || *count == 0) {
    return fail(ErrorCode::kUsage,
                fmt::format("--spare {}: PROFILE or PROFILE:N is expected, N from 1 to {}{}",
                            base::quoted(word),
                            kMostSpare,
                            profile ? "" : " (" + profile.error().message + ")"),
                "for example --spare 2g.10gb, or --spare 1g.5gb:2");
  }
  if (!profile->full_size()) {
    return fail(ErrorCode::kUsage,
                fmt::format("--spare {}: room is kept for GPU instances", base::quoted(word)),
                "name the GPU instance's profile: " + profile->gpu_instance().str());
  }
  return SpareRoom{*profile, static_cast<std::uint32_t>(*count)};
}

}  // namespace

void SpareFlag::declare(Options& options) {
  options.list({"--spare",
                "PROFILE[:N]",
                "leave room for N (1) more GPU instances of this profile on the machine, or "
                "refuse (exit code 9)",
                "MIGCTL_SPARE"},
               words_);
}

Result<std::vector<SpareRoom>> SpareFlag::read() const {
  std::vector<std::string> whole;
  for (const std::string& word : words_) {
    // Rejoins attributes: the list was split at commas, and "1g.5gb+me,gfx" contains one.
    const bool attribute = !word.empty() && (word[0] < '0' || word[0] > '9');
    if (attribute && !whole.empty()) {
      whole.back() += "," + word;
    } else {
      whole.push_back(word);
    }
  }
  std::vector<SpareRoom> out;
  for (const std::string& word : whole) {
    MIG_ASSIGN_OR_RETURN(SpareRoom room, parse_spare(word));
    out.push_back(std::move(room));
  }
  return out;
}

Result<void> SpareFlag::check_saved(const Plan& saved) const {
  MIG_ASSIGN_OR_RETURN(const std::vector<SpareRoom> asked, read());
  std::map<std::string, std::uint64_t> wanted;
  for (const SpareRoom& room : asked) {
    wanted[room.profile.str()] += room.count;
  }
  for (const auto& [name, count] : wanted) {
    const auto kept = static_cast<std::uint64_t>(std::count_if(
        saved.kept_room.begin(), saved.kept_room.end(), [&name = name](const KeptRoom& room) {
          return room.profile.str() == name;
        }));
    if (kept < count) {
      return fail(
          ErrorCode::kConflict,
          fmt::format(
              "the saved plan keeps room for {} x {}, and --spare asks for {}", kept, name, count),
          fmt::format("make the plan again: migctl plan --spare {}:{}", name, count));
    }
  }
  return {};
}

}  // namespace mig::cli
