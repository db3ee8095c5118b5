/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For programs that run ON a simulated GPU or MIG instance, in place of CUDA: attach, allocate
 * device memory, report activity. Reported activity shows in process lists, memory, GPM counters,
 * energy and in-use errors of the simulated libnvidia-ml.so.1. The machine detaches processes that
 * die.
 *
 * libmigsim.so (build/lib/sim) or the static library mig_sim_client. Threading: one context may be
 * used from one thread at a time; different contexts from different threads.
 * Every function returns a migsim_result; migsim_message() explains the last one of a context.
 */
#ifndef MIGCTL_SIM_CLIENT_MIGSIM_H_
#define MIGCTL_SIM_CLIENT_MIGSIM_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum migsim_result {
  MIGSIM_OK = 0,
  MIGSIM_NO_MACHINE = 1,    /* no simulated machine found ($MIGSIM_MACHINE) */
  MIGSIM_NO_DEVICE = 2,     /* no visible device, or no such device (CUDA_ERROR_NO_DEVICE) */
  MIGSIM_OUT_OF_MEMORY = 3, /* less memory is free on the instance */
  MIGSIM_DEVICE_LOST = 4,   /* the instance was destroyed or the GPU fell off the bus */
  MIGSIM_INVALID = 5,
  MIGSIM_LIMIT = 6,  /* process table full */
  MIGSIM_FAULTED = 7 /* this context faulted (Xid) and must be closed */
} migsim_result;

typedef struct migsim_context migsim_context;

typedef struct migsim_device {
  char name[96]; /* as NVML names it: "NVIDIA A100-SXM4-40GB MIG 1g.5gb" */
  char uuid[48]; /* GPU-... or MIG-... */
  uint32_t gpu;  /* index on the machine */
  uint32_t gpu_instance, compute_instance; /* UINT32_MAX when the GPU is not in MIG mode */
  uint32_t sm_count;
  uint64_t memory_total, memory_free; /* bytes */
  int32_t cc_major, cc_minor;
  /* Share of the board's roofline that this instance has (the PCIe link, which MIG does not divide,
   * is given whole); 0 = the board file does not know. */
  double fp32_gflops, tf32_gflops, bf16_gflops;
  double dram_gb_per_s, pcie_gb_per_s;
} migsim_device;

/* Activity since the last report: 0..1 of the instance's capacity; PCIe in bytes per second. */
typedef struct migsim_activity {
  double sm_active, sm_occupancy, tensor, dram, fp64, fp32, fp16, integer;
  double pcie_tx, pcie_rx;
} migsim_activity;

/* Slowdown factors, at least 1, caused by the other live processes: a model, see docs/simulator.md.
 * Processes of other GPU instances affect the PCIe factors only. */
typedef struct migsim_contention {
  double engine; /* all work on the device: contexts of one compute instance are time-sliced */
  double dram;   /* memory traffic, beside other compute instances of the GPU instance */
  double pcie_tx, pcie_rx; /* the PCIe link of the whole GPU */
} migsim_contention;

/* Attaches the calling process. `visible` NULL: $CUDA_VISIBLE_DEVICES, else the first device as
 * CUDA would pick (with MIG on: the first MIG device of the first GPU that has one). Accepts an
 * index, GPU-<uuid>, MIG-<uuid>, MIG-GPU-<uuid>/<gi>/<ci>; of a list the first (CUDA sees one
 * instance). */
migsim_result migsim_attach(const char* visible, migsim_context** context);
void migsim_detach(migsim_context* context);

migsim_result migsim_get_device(migsim_context* context, migsim_device* device);
migsim_result migsim_alloc(migsim_context* context, uint64_t bytes, uint64_t* allocation);
migsim_result migsim_free(migsim_context* context, uint64_t allocation);
/* Reports the activity. It is taken as the demand too, until migsim_want() reports another. */
migsim_result migsim_report(migsim_context* context, const migsim_activity* activity);
/* Reports the demand of this context running alone: the basis of the slowdown of others. */
migsim_result migsim_want(migsim_context* context, const migsim_activity* alone);
migsim_result migsim_get_contention(migsim_context* context, migsim_contention* contention);
/* Raises Xid `xid` on the instance (31 = illegal address, 43 = stopped processing ...): an event
 * for NVML clients. This context becomes faulted; contexts on other instances are not affected. */
migsim_result migsim_raise_xid(migsim_context* context, uint32_t xid);
/* Text of the last result of this context (NULL: of the last failed attach of this thread). */
const char* migsim_message(const migsim_context* context);

#ifdef __cplusplus
}
#endif
#endif /* MIGCTL_SIM_CLIENT_MIGSIM_H_ */
