/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control table: identifies a libnvidia-ml.so.1 of a simulated machine, and offers operations that
 * NVML has no call for (reset, reboot). nvmlInternalGetExportTable() answers MIGSIM_CONTROL_GUID
 * with this table on a simulated machine and fails on a real driver, so the library exports no
 * symbol that a real driver does not have.
 *
 * Threading: every function may be called from any thread after nvmlInit. Strings live as long as
 * the library is loaded.
 */
#ifndef MIGCTL_ABI_SIMULATED_H_
#define MIGCTL_ABI_SIMULATED_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* {6d696773-696d-4374-6c01-000000000001}, little endian like NVML's own table ids. */
#define MIGSIM_CONTROL_GUID \
  { 0x73, 0x67, 0x69, 0x6d, 0x6d, 0x69, 0x74, 0x43, 0x6c, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01 }

typedef struct migsim_control {
  uint64_t size;            /* sizeof(migsim_control) in the library; newer fields are appended */
  const char* machine_name; /* name of the machine: "lab" */
  const char* machine_dir;  /* folder with machine.state and the device tree */
  const char* tree_root;    /* folder with proc/, sys/ and dev/ of the machine */
  /* Resets a GPU as `nvidia-smi --gpu-reset -i gpu` does. Returns nvmlReturn_t: SUCCESS, IN_USE (a
   * process is on the GPU), NO_PERMISSION, INVALID_ARGUMENT, NOT_SUPPORTED (VM pass-through without
   * reset). */
  int (*reset_gpu)(unsigned gpu_index);
  /* Driver reload / machine reboot: removes every instance, detaches processes; a pending mode
   * takes effect as on the architecture. */
  int (*reboot)(void);
  /* Generation counter of the machine's state; cheap to read. */
  uint64_t (*generation)(void);
} migsim_control;

#ifdef __cplusplus
}
#endif
#endif /* MIGCTL_ABI_SIMULATED_H_ */
