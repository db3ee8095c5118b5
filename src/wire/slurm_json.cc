// SPDX-License-Identifier: Apache-2.0
#include "wire/document.h"
#include "wire/slurm.h"

namespace mig::wire {
namespace {

Json devices_json(const std::vector<slurm::Device>& devices) {
  Json list = Json::array();
  for (const slurm::Device& device : devices) {
    Json json;
    json["index"] = device.index;
    json["type"] = device.type;
    json["uuid"] = device.uuid;
    json["gpu"] = device.gpu.value;
    json["gpuInstance"] = or_null(device.gpu_instance);
    json["computeInstance"] = or_null(device.compute_instance);
    json["files"] = device.files;
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace

std::string slurm_files_document(const slurm::Files& files, const Source& source) {
  Json document = begin_document("SlurmFiles", source);
  document["node"] = files.node;
  document["gres"] = files.gres;
  document["gresConf"] = files.gres_conf;
  document["devices"] = devices_json(files.devices);
  document["warnings"] = files.warnings;
  return finish(document);
}

std::string slurm_check_document(const slurm::Check& check, const Source& source) {
  Json document = begin_document("SlurmCheck", source);
  document["node"] = check.node;
  document["good"] = check.good();
  document["devices"] = check.devices;
  document["findings"] = Json::array();
  for (const slurm::Finding& finding : check.findings) {
    Json json;
    json["wrong"] = finding.wrong;
    json["where"] = finding.where;
    json["what"] = finding.what;
    json["remedy"] = text_or_null(finding.remedy);
    document["findings"].push_back(std::move(json));
  }
  return finish(document);
}

std::string slurm_change_document(const slurm::Switched& change, const Source& source) {
  Json document = begin_document("SlurmChange", source);
  document["node"] = change.node;
  document["outcome"] = change.outcome;
  document["gresBefore"] = change.before;
  document["gres"] = change.files.gres;
  document["devices"] = devices_json(change.files.devices);
  return finish(document);
}

}  // namespace mig::wire
