// SPDX-License-Identifier: Apache-2.0
#include "doctor/patient.h"

#include <unistd.h>

#include <utility>

#include <fmt/format.h>

#include "base/file.h"

namespace mig::doctor {
namespace {

constexpr std::size_t kMostOfFile = 4U << 20U;

}  // namespace

std::string Roots::host(std::string_view path) const {
  const std::string own = tree_ + std::string(path);
  return ::access(own.c_str(), F_OK) == 0 ? own : std::string(path);
}

Patient::Patient(const Settings& settings, bool driver_hangs)
    : settings_(&settings),
      places_(settings.machine, store::Surroundings::ours()),
      roots_(settings.machine),
      privileged_(::geteuid() == 0) {
  if (driver_hangs) {
    no_driver_ = Error{ErrorCode::kTimeout, "the driver hangs", {}, {}, {}};
  }
}

Result<node::Node*> Patient::node() {
  if (no_driver_) {
    return *no_driver_;
  }
  if (!node_) {
    auto opened = node::Node::open(settings_->choice);
    if (!opened) {
      no_driver_ = std::move(opened).error();
      return *no_driver_;
    }
    node_ = *std::move(opened);
    node_->answers_from(node::Age::of_command());
    places_ = node_->places();
    roots_ = Roots(places_.machine());
  }
  return node_.get();
}

Result<nvml::Session*> Patient::session() {
  MIG_ASSIGN_OR_RETURN(node::Node * opened, node());
  return opened->session();
}

Result<const Inventory*> Patient::inventory() {
  if (!inventory_) {
    MIG_ASSIGN_OR_RETURN(node::Node * opened, node());
    inventory_ = opened->inventory();
  }
  if (!*inventory_) {
    return inventory_->error();
  }
  return &**inventory_;
}

Result<const holders::Report*> Patient::report() {
  if (!report_) {
    MIG_ASSIGN_OR_RETURN(const Inventory* now, inventory());
    report_ = holders::find_holders(*now, node_->holder_roots());
  }
  if (!*report_) {
    return report_->error();
  }
  return &**report_;
}

bool Patient::in_container() const {
  return ::access(roots_.machine("/.dockerenv").c_str(), F_OK) == 0 ||
         ::access(roots_.machine("/run/.containerenv").c_str(), F_OK) == 0;
}

std::string Patient::migctl(std::string_view words) const {
  const std::string machine = roots_.simulated() ? "--sim " + places_.machine().name() + " " : "";
  return "migctl " + machine + std::string(words);
}

std::string Patient::smi(std::string_view words) const {
  return roots_.simulated() ? migctl("smi " + std::string(words))
                            : "nvidia-smi " + std::string(words);
}

std::string Patient::reset(GpuIndex gpu) const {
  return roots_.simulated()
             ? fmt::format("migctl sim reset {} --gpu {}", places_.machine().name(), gpu.value)
             : fmt::format("nvidia-smi --gpu-reset -i {}", gpu.value);
}

std::string Patient::reboot() const {
  return roots_.simulated() ? "migctl sim reboot " + places_.machine().name() : "reboot";
}

std::string Patient::stop_service(const std::string& unit) const {
  return roots_.simulated()
             ? fmt::format("migctl sim clients {} --stop {}", places_.machine().name(), unit)
             : "systemctl stop " + unit;
}

std::optional<std::string> Patient::text(const std::string& path, std::string* why) const {
  auto read = base::read_file(path, kMostOfFile);
  if (read) {
    return *std::move(read);
  }
  if (why != nullptr) {
    *why = read.error().text();
  }
  return std::nullopt;
}

}  // namespace mig::doctor
