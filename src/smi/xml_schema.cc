// SPDX-License-Identifier: Apache-2.0
// The elements of nvidia-smi's documents, schema 13 (driver 580). Single source of truth: the DTD
// is printed from this table and the documents are written by walking it, so the order of elements
// cannot differ between them.
#include "smi/xml_schema.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "smi/text.h"

namespace mig::smi {
namespace {

// clang-format off
// Content models by element; elements without an entry contain text.
constexpr XmlElement kDeviceElements[] = {
    {"nvidia_smi_log",
     "(timestamp, driver_version, cuda_version, vgpu_driver_capability*, attached_gpus, "
     "error_string?, gpu*)"},
    {"vgpu_driver_capability", "(heterogenous_multivGPU)"},
    {"gpu",
     "(product_name, product_brand, product_architecture, display_mode, display_attached, "
     "display_active, persistence_mode, addressing_mode, vgpu_device_capability*, "
     "mig_mode, mig_devices, accounting_mode, accounting_mode_buffer_size, driver_model?, "
     "serial, uuid, pdi, minor_number, vbios_version, multigpu_board, board_id, "
     "board_part_number, gpu_part_number, gpu_fru_part_number, platformInfo, "
     "inforom_version, inforom_bbx_flush, gpu_operation_mode, c2c_mode, "
     "gpu_virtualization_mode, vgpu_software_licensed_product*, gpu_recovery_action, "
     "gsp_firmware_version, ibmnpu, pci, fan_speed, performance_state, "
     "clocks_event_reasons, clocks_event_reasons_counters, sparse_operation_mode, "
     "fb_memory_usage, bar1_memory_usage, cc_protected_memory_usage, compute_mode, "
     "utilization, encoder_stats, fbc_stats, dram_encryption_mode, ecc_mode, ecc_errors, "
     "retired_pages, remapped_rows, temperature, supported_gpu_target_temp, "
     "gpu_power_readings, gpu_memory_power_readings, module_power_readings, "
     "power_smoothing, power_profiles, clocks, applications_clocks, "
     "default_applications_clocks, deferred_clocks, max_clocks, max_customer_boost_clocks, "
     "clock_policy, fabric, supported_clocks, processes, accounted_processes, "
     "capabilities)"},
    {"vgpu_device_capability",
     "(fractional_multiVgpu, heterogeneous_timeSlice_profile, "
     "heterogeneous_timeSlice_sizes, homogeneous_placements, mig_timeSlicing, "
     "mig_timeSlicing_mode)"},
    {"mig_mode", "(current_mig, pending_mig)"},
    {"mig_devices", "(#PCDATA | mig_device)*"},
    {"mig_device",
     "(index, gpu_instance_id, compute_instance_id, device_attributes, ecc_error_count, "
     "fb_memory_usage, bar1_memory_usage)+"},
    {"device_attributes", "(shared)"},
    {"shared",
     "(multiprocessor_count, copy_engine_count, encoder_count, decoder_count, ofa_count, "
     "jpg_count)"},
    {"ecc_error_count", "(volatile_count)"},
    {"volatile_count", "(sram_uncorrectable)"},
    {"driver_model", "(current_dm, pending_dm)"},
    {"platformInfo",
     "(chassis_serial_number, slot_number, tray_index, host_id, peer_type, module_id, "
     "gpu_fabric_guid)"},
    {"inforom_version", "(img_version, oem_object, ecc_object, pwr_object)"},
    {"inforom_bbx_flush", "(latest_timestamp, latest_duration)"},
    {"gpu_operation_mode", "(current_gom, pending_gom)"},
    {"gpu_virtualization_mode",
     "(virtualization_mode, host_vgpu_mode, vgpu_heterogeneous_mode)"},
    {"vgpu_software_licensed_product", "(licensed_product_name, license_status)"},
    {"ibmnpu", "(relaxed_ordering_mode)"},
    {"pci",
     "(pci_bus, pci_device, pci_domain, pci_base_class, pci_sub_class, pci_device_id, "
     "pci_bus_id, pci_sub_system_id, pci_gpu_link_info, pci_bridge_chip, replay_counter, "
     "replay_rollover_counter, tx_util, rx_util, atomic_caps_outbound, "
     "atomic_caps_inbound)"},
    {"pci_gpu_link_info", "(pcie_gen, link_widths)"},
    {"pcie_gen",
     "(max_link_gen, current_link_gen, device_current_link_gen, max_device_link_gen, "
     "max_host_link_gen)"},
    {"link_widths", "(max_link_width, current_link_width)"},
    {"pci_bridge_chip", "(bridge_chip_type, bridge_chip_fw)"},
    {"fb_memory_usage", "(total, reserved, used, free)"},
    {"bar1_memory_usage", "(total, used, free)"},
    {"cc_protected_memory_usage", "(total, used, free)"},
    {"encoder_stats", "(session_count, average_fps, average_latency)"},
    {"fbc_stats", "(session_count, average_fps, average_latency)"},
    {"dram_encryption_mode", "(current_dram_encryption, pending_dram_encryption)"},
    {"ecc_mode", "(current_ecc, pending_ecc)"},
    {"utilization",
     "(gpu_util, memory_util, encoder_util, decoder_util, jpeg_util, ofa_util)"},
    {"ecc_errors",
     "(volatile, aggregate, (aggregate_uncorrectable_sram_sources, channel_repair_pending, "
     "tpc_repair_pending, unrepairable_memory)?)"},
    {"retired_pages",
     "(multiple_single_bit_retirement, double_bit_retirement, pending_blacklist, "
     "pending_retirement)"},
    {"remapped_rows",
     "(#PCDATA | remapped_row_corr | remapped_row_corr_inactive | remapped_row_unc | "
     "remapped_row_unc_inactive | remapped_row_pending | remapped_row_failure | "
     "row_remapper_histogram)*"},
    {"temperature",
     "(gpu_temp, gpu_temp_tlimit, (gpu_temp_max_threshold | "
     "gpu_temp_max_tlimit_threshold), (gpu_temp_slow_threshold | "
     "gpu_temp_slow_tlimit_threshold), (gpu_temp_max_gpu_threshold | "
     "gpu_temp_max_gpu_tlimit_threshold), gpu_target_temperature, memory_temp, "
     "(gpu_temp_max_mem_threshold | gpu_temp_max_mem_tlimit_threshold))"},
    {"supported_gpu_target_temp", "(gpu_target_temp_min, gpu_target_temp_max)"},
    {"gpu_power_readings",
     "(power_state, average_power_draw, instant_power_draw, current_power_limit, "
     "requested_power_limit, default_power_limit, min_power_limit, max_power_limit)"},
    {"gpu_memory_power_readings", "(average_power_draw, instant_power_draw)"},
    {"module_power_readings",
     "(power_state, average_power_draw, instant_power_draw, current_power_limit, "
     "requested_power_limit, default_power_limit, min_power_limit, max_power_limit)"},
    {"power_smoothing",
     "(#PCDATA | power_smoothing_enabled | power_smoothing_priv_level | "
     "power_smoothing_imm_ramp_down | power_smoothing_curr_tmp | "
     "power_smoothing_curr_tmp_floor | power_smoothing_max_percent_tmp_floor | "
     "power_smoothing_min_percent_tmp_floor | "
     "power_smoothing_hw_circuitry_percent_lifetime_remaining | "
     "power_smoothing_curr_primary_power_floor | "
     "power_smoothing_curr_secondary_power_floor | "
     "power_smoothing_min_primary_floor_activation_offset | "
     "power_smoothing_min_primary_floor_activation_point | "
     "power_smoothing_window_multiplier | "
     "power_smoothing_delayed_power_smoothing_supported | "
     "power_smoothing_num_preset_profiles | power_smoothing_current_profile | "
     "power_smoothing_active_profile | power_smoothing_admin_overrides)*"},
    {"power_profiles",
     "(#PCDATA | power_profile_requested_profiles | power_profile_enforced_profiles)*"},
    {"clocks", "(graphics_clock, sm_clock, mem_clock, video_clock)"},
    {"max_clocks", "(graphics_clock, sm_clock, mem_clock, video_clock)"},
    {"max_customer_boost_clocks", "(graphics_clock)"},
    {"clock_policy", "(auto_boost, auto_boost_default)"},
    {"supported_clocks", "(#PCDATA | supported_mem_clock)*"},
    {"applications_clocks", "(graphics_clock, mem_clock)"},
    {"default_applications_clocks", "(graphics_clock, mem_clock)"},
    {"deferred_clocks", "(mem_clock)"},
    {"supported_mem_clock", "(value | supported_graphics_clock)*"},
    {"processes", "(#PCDATA | process_info)*"},
    {"accounted_processes", "(#PCDATA | accounted_process_info)*"},
    {"fabric", "(state, status, cliqueId, clusterUuid, health)"},
    {"capabilities", "(egm)"},
    {"volatile",
     "((single_bit, double_bit) | (sram_correctable, ((sram_uncorrectable, "
     "dram_correctable, dram_uncorrectable) | (sram_uncorrectable_parity, "
     "sram_uncorrectable_secded, dram_correctable, dram_uncorrectable))))"},
    {"single_bit",
     "(device_memory, register_file, l1_cache, l2_cache, texture_memory, texture_shm, cbu, "
     "total)"},
    {"double_bit",
     "(device_memory, register_file, l1_cache, l2_cache, texture_memory, texture_shm, cbu, "
     "total)"},
    {"multiple_single_bit_retirement", "(retired_count, retired_pagelist)"},
    {"double_bit_retirement", "(retired_count, retired_pagelist)"},
    {"retired_pagelist", "(#PCDATA | retired_page)*"},
    {"retired_page", "(retired_page_address, retired_page_timestamp?)"},
    {"row_remapper_histogram",
     "(#PCDATA | row_remapper_histogram_max | row_remapper_histogram_high | "
     "row_remapper_histogram_partial | row_remapper_histogram_low | "
     "row_remapper_histogram_none)*"},
    {"aggregate",
     "((single_bit, double_bit) | (sram_correctable, ((sram_uncorrectable, "
     "dram_correctable, dram_uncorrectable) | (sram_uncorrectable_parity, "
     "sram_uncorrectable_secded, dram_correctable, dram_uncorrectable, "
     "sram_threshold_exceeded))))"},
    {"aggregate_uncorrectable_sram_sources",
     "(sram_l2, sram_sm, sram_microcontroller, sram_pcie, sram_other)"},
    {"power_smoothing_current_profile",
     "(power_smoothing_curr_profile_percent_tmp_floor, "
     "power_smoothing_curr_profile_ramp_up_rate, "
     "power_smoothing_curr_profile_ramp_down_rate, "
     "power_smoothing_curr_profile_ramp_down_hysteresis, "
     "power_smoothing_curr_profile_secondary_power_floor, "
     "power_smoothing_curr_profile_primary_floor_activation_window_multiplier, "
     "power_smoothing_curr_profile_primary_floor_target_window_multiplier, "
     "power_smoothing_curr_profile_primary_floor_activatin_offset)"},
    {"power_smoothing_admin_overrides",
     "(power_smoothing_admin_override_percent_tmp_floor, "
     "power_smoothing_admin_override_ramp_up_rate, "
     "power_smoothing_admin_override_ramp_down_rate, "
     "power_smoothing_admin_override_ramp_down_hysteresis, "
     "power_smoothing_admin_override_secondary_power_floor, "
     "power_smoothing_admin_override_primary_floor_activation_window_multiplier, "
     "power_smoothing_admin_override_primary_floor_target_window_multiplier, "
     "power_smoothing_admin_override_primary_floor_activation_offset)"},
    {"power_profile_requested_profiles",
     "(#PCDATA | power_profile_requested_profile)*"},
    {"power_profile_enforced_profiles", "(#PCDATA | power_profile_enforced_profile)*"},
    {"clocks_event_reasons",
     "(#PCDATA | clocks_event_reason_gpu_idle | "
     "clocks_event_reason_applications_clocks_setting | clocks_event_reason_sw_power_cap | "
     "clocks_event_reason_hw_slowdown | clocks_event_reason_hw_thermal_slowdown | "
     "clocks_event_reason_hw_power_brake_slowdown | clocks_event_reason_sync_boost | "
     "clocks_event_reason_sw_thermal_slowdown | clocks_event_reason_display_clocks_setting "
     "| clocks_event_reason_unknown)*"},
    {"clocks_event_reasons_counters",
     "(#PCDATA | clocks_event_reasons_counters_sw_power_cap | "
     "clocks_event_reasons_counters_sync_boost | "
     "clocks_event_reasons_counters_sw_therm_slowdown | "
     "clocks_event_reasons_counters_hw_therm_slowdown | "
     "clocks_event_reasons_counters_hw_power_brake)*"},
    {"process_info",
     "(gpu_instance_id, compute_instance_id, pid, type, process_name, used_memory)"},
    {"accounted_process_info",
     "(pid, gpu_util, memory_util, max_memory_usage, time, is_running)"},
    {"health",
     "(summary, bandwidth, route_recovery_in_progress, route_unhealthy, "
     "access_timeout_recovery, incorrect_configuration, partition_assigned)"},
};

constexpr XmlElement kUnitElements[] = {
    {"nvidia_smi_log",
     "(timestamp, driver_version, cuda_version, hic_info, attached_units, error_string?, "
     "unit*)"},
    {"hic_info", "(#PCDATA | hic)*"},
    {"hic", "(firmware)"},
    {"unit",
     "(product_name, id, serial, firmware, led_state, temperature, psu, fan_info, "
     "attached_gpus)"},
    {"led_state", "(color, cause)"},
    {"temperature", "(intake, exhaust, board)"},
    {"psu", "(psu_state, voltage, current)"},
    {"fan_info", "(fan*)"},
    {"attached_gpus", "(gpu*)"},
    {"fan", "(fan_state, fan_speed)"},
};
// clang-format on

// Declared, though no content model refers to them any more.
constexpr const char* kRetired[] = {
    "reset_required", "drain_and_reset_recommended", "power_management", "graphics_volt"};

constexpr XmlSchema kDevice = {"nvsmi_device_v13.dtd", kDeviceElements, kRetired, "gpu"};
constexpr XmlSchema kUnit = {"nvsmi_unit_v13.dtd", kUnitElements, {}, "unit hic fan"};

// Parser of a content model: "(a, b?, (c | d)*)".
class ContentReader {
 public:
  explicit ContentReader(std::string_view text) : text_(text) {}

  XmlParticle particle() {
    XmlParticle out;
    skip_blanks();
    if (peek() == '(') {
      ++at_;
      out.kind = XmlParticle::Kind::kSequence;
      for (;;) {
        out.parts.push_back(particle());
        skip_blanks();
        const char separator = peek();
        ++at_;
        if (separator == '|') {
          out.kind = XmlParticle::Kind::kChoice;
        } else if (separator != ',') {
          break;
        }
      }
    } else {
      const std::size_t begin = at_;
      while (std::isalnum(static_cast<unsigned char>(peek())) != 0 || peek() == '_' ||
             peek() == '#') {
        ++at_;
      }
      out.name = text_.substr(begin, at_ - begin);
      out.kind = out.name == "#PCDATA" ? XmlParticle::Kind::kText : XmlParticle::Kind::kName;
    }
    if (peek() == '?' || peek() == '*' || peek() == '+') {
      out.repeat = text_[at_++];
    }
    return out;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_blanks() {
    while (peek() == ' ') {
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

void collect_names(const XmlParticle& particle, std::vector<std::string>* names) {
  if (particle.kind == XmlParticle::Kind::kName &&
      std::find(names->begin(), names->end(), particle.name) == names->end()) {
    names->push_back(particle.name);
  }
  for (const XmlParticle& part : particle.parts) {
    collect_names(part, names);
  }
}

bool has_id(const XmlSchema& schema, const std::string& name) {
  const std::string list = " " + std::string(schema.with_id) + " ";
  return list.find(" " + name + " ") != std::string::npos;
}

}  // namespace

const XmlSchema& device_schema() {
  return kDevice;
}

const XmlSchema& unit_schema() {
  return kUnit;
}

const char* content_of(const XmlSchema& schema, std::string_view name) {
  for (const XmlElement& element : schema.elements) {
    if (name == element.name) {
      return element.content;
    }
  }
  return nullptr;
}

XmlParticle parse_content(std::string_view content) {
  return ContentReader(content).particle();
}

std::string dtd_text(const XmlSchema& schema) {
  std::vector<std::string> names;
  for (const XmlElement& element : schema.elements) {
    names.emplace_back(element.name);
  }
  const std::size_t with_content = names.size();
  for (const XmlElement& element : schema.elements) {
    collect_names(parse_content(element.content), &names);
  }
  names.insert(names.end(), schema.retired.begin(), schema.retired.end());
  std::string out = text("<!-- %s -->\n", schema.file);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const char* content = i < with_content ? schema.elements[i].content : "(#PCDATA)";
    append(out, "<!ELEMENT %-27s %s>\n", names[i].c_str(), content);
    if (has_id(schema, names[i]) && i < with_content) {
      append(out, "<!ATTLIST %-27s id CDATA #REQUIRED>\n", names[i].c_str());
    }
  }
  return out + "\n";
}

}  // namespace mig::smi
