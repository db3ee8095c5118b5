// SPDX-License-Identifier: Apache-2.0
// Inside of doctor/: the machine as the checks read it. One driver session, one reading and one
// search for holders, made when the first check needs them and kept for the others. Every path of
// a file goes through Roots.
//
// Threading: none; it lives in the process that examine.h starts.
#ifndef MIGCTL_DOCTOR_PATIENT_H_
#define MIGCTL_DOCTOR_PATIENT_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "mig/inventory.h"
#include "mig/result.h"

#include "doctor/examine.h"
#include "holders/holders.h"
#include "node/node.h"
#include "store/places.h"

namespace mig::doctor {

// Paths. A simulated machine has a tree of its own, in which /proc/driver, /dev and /sys are as on
// a machine of that kind, and in which files of /etc may be put.
class Roots {
 public:
  explicit Roots(const store::MachineId& machine)
      : tree_(machine.simulated() ? machine.simulated_dir + "/tree" : std::string()) {}

  // A file of the GPUs' machine: "/proc/modules", "/etc/cdi".
  std::string machine(std::string_view path) const { return tree_ + std::string(path); }

  // A file of the host that runs programs (control groups, container runtimes): the simulated
  // machine's own where its tree has one, else the host's.
  std::string host(std::string_view path) const;

  bool simulated() const { return !tree_.empty(); }

 private:
  std::string tree_;
};

class Patient {
 public:
  // `driver_hangs`: nothing is asked of the driver.
  Patient(const Settings& settings, bool driver_hangs);

  const Settings& settings() const { return *settings_; }

  // Opened at the first call; the same error at each further one.
  Result<node::Node*> node();
  Result<nvml::Session*> session();
  Result<const Inventory*> inventory();
  Result<const holders::Report*> report();

  // Known before the driver is opened, unless only a driver can tell.
  const store::Places& places() const { return places_; }

  const Roots& roots() const { return roots_; }

  bool privileged() const { return privileged_; }

  // In a container of docker or podman, which may have some of the machine's GPUs only.
  bool in_container() const;

  // Commands that mend, as a user of this machine types them: the simulated one's have its name.
  std::string migctl(std::string_view words) const;
  std::string smi(std::string_view words) const;  // nvidia-smi
  std::string reset(GpuIndex gpu) const;
  std::string reboot() const;
  std::string stop_service(const std::string& unit) const;

  // Whole text of a file; nullopt: not there or not readable, `why` receives the reason.
  std::optional<std::string> text(const std::string& path, std::string* why = nullptr) const;

 private:
  const Settings* settings_;
  store::Places places_;
  Roots roots_;
  bool privileged_ = false;
  std::unique_ptr<node::Node> node_;
  std::optional<Error> no_driver_;
  std::optional<Result<Inventory>> inventory_;
  std::optional<Result<holders::Report>> report_;
};

}  // namespace mig::doctor

#endif  // MIGCTL_DOCTOR_PATIENT_H_
