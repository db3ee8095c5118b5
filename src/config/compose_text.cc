// SPDX-License-Identifier: Apache-2.0
#include "config/compose_text.h"

#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>

namespace mig::config {
namespace {

void write_items(YAML::Emitter& out, const std::vector<std::string>& items) {
  out << YAML::BeginSeq;
  for (const std::string& item : items) {
    out << YAML::DoubleQuoted << item;
  }
  out << YAML::EndSeq;
}

void write_list(YAML::Emitter& out, const char* key, const ComposeList& list) {
  if (!list.written()) {
    return;
  }
  out << YAML::Key << key << YAML::Value;
  if (list.replaces) {
    out << YAML::LocalTag("override");
  }
  out << YAML::Flow;
  write_items(out, list.items);
}

void write_request(YAML::Emitter& out, const ComposeServiceText& service) {
  if (!service.device_ids.written()) {
    return;
  }
  out << YAML::Key << "deploy" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "resources" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "reservations" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "devices" << YAML::Value;
  if (service.device_ids.replaces) {
    out << YAML::LocalTag("override");
  }
  if (service.device_ids.items.empty()) {
    out << YAML::Flow << YAML::BeginSeq << YAML::EndSeq;
  } else {
    out << YAML::BeginSeq << YAML::BeginMap;
    out << YAML::Key << "driver" << YAML::Value << service.driver;
    out << YAML::Key << "device_ids" << YAML::Value << YAML::Flow;
    write_items(out, service.device_ids.items);
    // The key must be there; the driver cdi takes no capability, and nvidia chooses by gpu.
    out << YAML::Key << "capabilities" << YAML::Value << YAML::Flow << YAML::BeginSeq;
    if (service.driver != "cdi") {
      out << "gpu";
    }
    out << YAML::EndSeq << YAML::EndMap << YAML::EndSeq;
  }
  out << YAML::EndMap << YAML::EndMap << YAML::EndMap;
}

void write_reset(YAML::Emitter& out, const std::string& key) {
  out << YAML::Key << key << YAML::Value << YAML::LocalTag("reset") << YAML::Null;
}

void write_service(YAML::Emitter& out, const ComposeServiceText& service) {
  out << YAML::Key << service.name << YAML::Value << YAML::BeginMap;
  for (const std::string& note : service.notes) {
    out << YAML::Comment(note) << YAML::Newline;
  }
  if (!service.image.empty()) {
    out << YAML::Key << "image" << YAML::Value << YAML::DoubleQuoted << service.image;
  }
  if (!service.wish.empty()) {
    out << YAML::Key << "x-migctl" << YAML::Value << YAML::Flow << YAML::BeginMap;
    for (const auto& [key, value] : service.wish) {
      out << YAML::Key << key << YAML::Value << value;
    }
    out << YAML::EndMap;
  }
  write_list(out, "devices", service.devices);
  write_request(out, service);
  if (service.resets_gpus) {
    write_reset(out, "gpus");
  }
  if (service.resets_runtime) {
    write_reset(out, "runtime");
  }
  if (!service.variables.empty()) {
    out << YAML::Key << "environment" << YAML::Value << YAML::BeginMap;
    for (const auto& [name, value] : service.variables) {
      if (value) {
        out << YAML::Key << name << YAML::Value << YAML::DoubleQuoted << *value;
      } else {
        write_reset(out, name);
      }
    }
    out << YAML::EndMap;
  }
  out << YAML::EndMap;
}

}  // namespace

std::string compose_text(const std::vector<ComposeServiceText>& services,
                         const std::vector<std::string>& comments) {
  YAML::Emitter out;
  out.SetNullFormat(YAML::LowerNull);
  out << YAML::BeginMap << YAML::Key << "services" << YAML::Value << YAML::BeginMap;
  for (const ComposeServiceText& service : services) {
    write_service(out, service);
  }
  out << YAML::EndMap << YAML::EndMap;
  std::string text = std::string(kComposeMark) + "\n";
  for (const std::string& comment : comments) {
    text += "# " + comment + "\n";
  }
  return text + out.c_str() + "\n";
}

}  // namespace mig::config
