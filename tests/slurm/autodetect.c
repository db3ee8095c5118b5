// SPDX-License-Identifier: Apache-2.0
// What Slurm's own NVML plugin finds on this machine, a line for each device: type, files and UUID,
// between tabs. Built against Slurm's sources with its gpu_nvml.c (autodetect_test.py).
#include <stdio.h>
#include <stdlib.h>

#include "src/common/gres.h"
#include "src/common/list.h"
#include "src/common/log.h"
#include "src/common/xstring.h"

extern List gpu_p_get_system_gpu_list(node_config_load_t* node_config);

static int same_numbers(char* machine, char** abstract) {
  *abstract = xstrdup(machine);
  return 0;
}

static int print(void* item, void* nothing) {
  const gres_slurmd_conf_t* device = item;
  (void)nothing;
  printf("%s\t%s\t%s\t%lu\n",
         device->type_name,
         device->file,
         device->unique_id ? device->unique_id : "",
         (unsigned long)device->count);
  return 0;
}

int main(void) {
  log_options_t options = LOG_OPTS_STDERR_ONLY;
  log_init("autodetect", options, 0, NULL);
  node_config_load_t node = {.cpu_cnt = 16, .in_slurmd = true, .xcpuinfo_mac_to_abs = same_numbers};
  List devices = gpu_p_get_system_gpu_list(&node);
  if (devices == NULL) {
    return EXIT_FAILURE;
  }
  list_for_each(devices, print, NULL);
  return EXIT_SUCCESS;
}
