// SPDX-License-Identifier: Apache-2.0
// Compares a capture with a known board.
#include <algorithm>
#include <array>
#include <string_view>

#include "sim/tools/capture.h"

namespace migsim {

namespace {

// True for figures set by the card's maker, the host's firmware or the driver version, or read from
// a sensor.
bool varies(std::string_view path) {
  constexpr std::array<std::string_view, 11> kVarying = {"identity.vbios",
                                                         "identity.part_number",
                                                         "identity.pci_subsystem_id",
                                                         "memory.reserved_bytes",
                                                         "memory.bar1_bytes",
                                                         "power.idle_mw",
                                                         "temperature.idle_c",
                                                         "temperature.slowdown_c",
                                                         "temperature.shutdown_c",
                                                         "clocks.sm_idle_mhz",
                                                         "clocks.mem_idle_mhz"};
  return std::ranges::find(kVarying, path) != kVarying.end();
}

class Comparison {
 public:
  void number(const std::string& path, std::int64_t read, std::int64_t other) {
    if (read != other) {
      text(path, show(read), show(other));
    }
  }

  void text(const std::string& path, const std::string& read, const std::string& other) {
    if (read != other) {
      found_.push_back({path, read, other, varies(path)});
    }
  }

  std::vector<Difference> found() && { return std::move(found_); }

 private:
  static std::string show(std::int64_t value) {
    return value == kUnknown ? "nothing" : std::to_string(value);
  }

  std::vector<Difference> found_;
};

std::string places(const Placement* placements, std::uint32_t count) {
  std::string text = "{";
  for (std::uint32_t i = 0; i < count; ++i) {
    text += (i == 0 ? "" : ",") + std::to_string(placements[i].start);
  }
  return text + "}:" + std::to_string(count == 0 ? 0 : placements[0].size);
}

std::string engines(const Engines& e) {
  return std::to_string(e.ce) + " CE " + std::to_string(e.dec) + " DEC " + std::to_string(e.enc) +
         " ENC " + std::to_string(e.jpeg) + " JPEG " + std::to_string(e.ofa) + " OFA";
}

std::string in_quotes(const char* text) {
  return "\"" + std::string(text) + "\"";
}

void compare_compute(const std::string& path,
                     const CiProfile& read,
                     const GiProfile& other,
                     Comparison& out) {
  for (std::uint32_t i = 0; i < other.ci_profile_count; ++i) {
    const CiProfile& ci = other.ci_profiles[i];
    if (ci.profile == read.profile) {
      out.text(path + ".name", in_quotes(read.name), in_quotes(ci.name));
      out.number(path + ".slices", read.slices, ci.slices);
      out.number(path + ".max_count", read.max_count, ci.max_count);
      out.number(path + ".default", read.is_default, ci.is_default);
      out.text(path + ".starts",
               places(read.placements, read.placement_count),
               places(ci.placements, ci.placement_count));
      if (read.sm != kUnknown) {
        out.number(path + ".sm", read.sm, ci.sm);
      }
      return;
    }
  }
  out.text(path, in_quotes(read.name), "nothing");
}

void compare_profile(const std::string& path,
                     const GiProfile& read,
                     const GiProfile& other,
                     Comparison& out) {
  out.text(path + ".name", in_quotes(read.name), in_quotes(other.name));
  out.number(path + ".id", read.id, other.id);
  out.number(path + ".slices", read.slices, other.slices);
  out.number(path + ".max_count", read.max_count, other.max_count);
  out.number(path + ".sm", read.sm, other.sm);
  out.number(path + ".memory_mib",
             static_cast<std::int64_t>(read.memory_mib),
             static_cast<std::int64_t>(other.memory_mib));
  out.number(path + ".p2p", read.p2p, other.p2p);
  out.number(path + ".gfx", read.gfx, other.gfx);
  out.number(path + ".media_extension", read.media_extension, other.media_extension);
  out.text(path + ".engines", engines(read.engines), engines(other.engines));
  out.text(path + ".placements",
           places(read.placements, read.placement_count),
           places(other.placements, other.placement_count));
  for (std::uint32_t i = 0; i < read.ci_profile_count; ++i) {
    const CiProfile& ci = read.ci_profiles[i];
    compare_compute(
        path + ".compute_profiles[enum=" + std::to_string(ci.profile) + "]", ci, other, out);
  }
}

std::string order(const Board& board) {
  std::string text;
  for (std::uint32_t i = 0; i < board.gi_profile_count; ++i) {
    text += (i == 0 ? "" : " ") + std::to_string(board.gi_profiles[i].id);
  }
  return text;
}

void compare_mig(const Board& read, const Board& other, Comparison& out) {
  out.number("mig.memory_slices", read.memory_slices, other.memory_slices);
  out.number("mig.compute_slices", read.compute_slices, other.compute_slices);
  out.number("mig.mode_needs_reset", read.mode_needs_reset, other.mode_needs_reset);
  out.text("mig.profiles (ids in order)", order(read), order(other));
  for (std::uint32_t i = 0; i < read.gi_profile_count; ++i) {
    for (std::uint32_t k = 0; k < other.gi_profile_count; ++k) {
      const GiProfile& gi = read.gi_profiles[i];
      if (other.gi_profiles[k].profile == gi.profile) {
        compare_profile(
            "mig.profiles[enum=" + std::to_string(gi.profile) + "]", gi, other.gi_profiles[k], out);
      }
    }
  }
}

// A workstation board ships with the PCI class of a VGA controller, and is captured in compute
// mode, the only mode with MIG: compare the class of that mode.
std::uint32_t compute_class(const Board& board) {
  return board.pci_class == kVgaClass ? k3dClass : board.pci_class;
}

}  // namespace

std::string Difference::line() const {
  return figure + ": read " + read + ", the built-in board has " + builtin;
}

std::vector<Difference> differences(const Capture& capture, const Board& other) {
  const Board& read = capture.board;
  Comparison out;
  const auto told = [&](const char* path) { return capture.origins.contains(path); };
  out.text("identity.name", in_quotes(read.name), in_quotes(other.name));
  out.number("identity.architecture",
             static_cast<std::int64_t>(read.architecture),
             static_cast<std::int64_t>(other.architecture));
  out.number("identity.compute_capability",
             read.cc_major * 10 + read.cc_minor,
             other.cc_major * 10 + other.cc_minor);
  out.number("identity.pci_device_id", read.pci_device_id, other.pci_device_id);
  if (told("identity.pci_subsystem_id")) {
    out.number("identity.pci_subsystem_id", read.pci_subsystem_id, other.pci_subsystem_id);
  }
  if (told("identity.pci_class")) {
    out.number("identity.pci_class", compute_class(read), compute_class(other));
  }
  if (told("identity.vbios")) {
    out.text("identity.vbios", in_quotes(read.vbios), in_quotes(other.vbios));
  }
  if (told("identity.part_number")) {
    out.text("identity.part_number", in_quotes(read.part_number), in_quotes(other.part_number));
  }
  for (const CaptureFigure& figure : capture_figures()) {
    if (told(figure.path().c_str())) {
      out.number(figure.path(), read.*figure.field, other.*figure.field);
    }
  }
  compare_mig(read, other, out);
  return std::move(out).found();
}

}  // namespace migsim
