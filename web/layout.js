// SPDX-License-Identifier: Apache-2.0
// Where there are no readings (the sampler is off, the driver is closed for a change), the layout still is: as a sample of which
// everything else is unknown.
import { get } from "./api.js";
import { known } from "./dom.js";

const KEPT = 10000;
const mib = (value) => (known(value) ? value * 2 ** 20 : null);

function usesOf(leases, gpu, instance, compute) {
  return leases.filter((lease) => lease.gpuUuid === gpu.uuid && lease.gpuInstance === instance.id && lease.computeInstance === compute.id)
    .map((lease) => ({ lease: lease.id, tenant: lease.tenant, job: lease.job, uid: lease.uid, sinceMs: lease.grantedMs }));
}

function withoutReadings(why) {
  return { activitySource: "unknown", activityReason: why, memoryUsedBytes: null, powerWatts: null,
    activity: { sm: null, dram: null, tensor: null } };
}

function gpuOf(gpu, leases, why) {
  return {
    ...withoutReadings(why), index: gpu.index, uuid: gpu.uuid, name: gpu.name, migCurrent: gpu.mig.current, migPending: gpu.mig.pending,
    memorySlices: gpu.memorySlices ?? 0, smTotal: null, smAllocated: gpu.gpuInstances.reduce((sum, one) => sum + one.sm, 0), smStranded: null,
    memoryTotalBytes: mib(gpu.memoryTotalMib), temperatureCelsius: null, xids: [], room: [], drift: null, processes: [],
    gpuInstances: gpu.gpuInstances.filter((one) => known(one.placement)).map((one) => ({
      ...withoutReadings(why), id: one.id, profile: one.profile, placement: one.placement, sm: one.sm,
      generation: `layout-${one.profile}-${one.placement.start}`, memoryTotalBytes: mib(one.memoryMib), idleSinceMs: null,
      computeInstances: one.computeInstances.map((compute) => ({ ...compute, uses: usesOf(leases, gpu, one, compute) })) })),
  };
}

export class Layout {
  constructor() {
    this.until = 0;
  }

  forget() {
    this.until = 0;
  }

  // The sample, with the GPUs of the inventory where it has none.
  async complete(sample) {
    if (!sample.withdrawn || sample.gpus.length) {
      return sample;
    }
    if (Date.now() > this.until) {
      [this.inventory, this.leases] = await Promise.all([get("v1/inventory"), get("v1/leases")]);
      this.until = Date.now() + KEPT;
    }
    return { ...sample, timeMs: sample.timeMs || Date.now(),
      gpus: this.inventory.gpus.map((gpu) => gpuOf(gpu, this.leases.leases, sample.withdrawn)) };
  }
}
