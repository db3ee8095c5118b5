// SPDX-License-Identifier: Apache-2.0
// GPUs as strips of memory slots, to scale: an instance has the colour of its tenant, free slots are hatched, and dotted where no
// profile fits into them.
import { attribute, bytes, celsius, classes, keyed, known, make, name, of, percent, say, style, watts } from "./dom.js";

const COLOURS = 8;
const tenants = [];

// A tenant keeps its colour while the page is open.
export function colourOf(tenant) {
  if (!tenant) {
    return "";
  }
  if (!tenants.includes(tenant)) {
    tenants.push(tenant);
  }
  return `t${tenants.indexOf(tenant) % COLOURS}`;
}

export function usesOf(instance) {
  return instance.computeInstances.flatMap((compute) => compute.uses);
}

export function labelOf(gpu, instance) {
  return `GPU ${gpu.index} ${instance.profile} gi ${instance.id}`;
}

function place(element, start, size) {
  style(element, "grid-column", `${start + 1} / span ${size}`);
  style(element, "grid-row", "1");
}

export function freeSlots(slots, instances) {
  const free = new Set(Array.from({ length: slots }, (_, i) => i));
  for (const { placement } of instances) {
    for (let slot = placement.start; slot < placement.start + placement.size; slot += 1) {
      free.delete(slot);
    }
  }
  return [...free];
}

// Where the driver says that no further instance fits.
const isFull = (gpu) => gpu.room.length > 0 && gpu.room.every((room) => room.free === 0);

function cells(gpu) {
  const kind = isFull(gpu) ? "stranded" : "free";
  const free = freeSlots(gpu.memorySlices, gpu.gpuInstances).map((slot) => ({ key: `slot ${slot}`, slot, kind }));
  const there = gpu.gpuInstances.map((instance) => ({ key: `gi ${instance.generation} ${instance.id}`, instance }));
  return [...there, ...free].sort((a, b) => (a.slot ?? a.instance.placement.start) - (b.slot ?? b.instance.placement.start));
}

function textsOf(instance) {
  const uses = usesOf(instance);
  const who = uses.length ? name(uses[0].tenant) + (uses.length > 1 ? ` +${uses.length - 1}` : "") : "no lease";
  const job = uses.find((use) => known(use.job))?.job;
  return [instance.profile, job ? `${who}: ${name(job)}` : who, `SM ${percent(instance.activity.sm) ?? "unknown"}`];
}

function newCell(gpu, cell, choose) {
  if (!cell.instance) {
    return make("div", { class: `slot ${cell.kind}` });
  }
  return make("button", { type: "button", class: "cell", onclick: () => choose(gpu.uuid, cell.instance.generation) },
    make("span", { class: "profile" }), make("span"), make("span"));
}

function showCell(element, gpu, cell, chosen) {
  if (!cell.instance) {
    classes(element, `slot ${cell.kind}`);
    place(element, cell.slot, 1);
    return;
  }
  const { instance } = cell;
  place(element, instance.placement.start, instance.placement.size);
  classes(element, `cell ${colourOf(usesOf(instance)[0]?.tenant)}`);
  const texts = textsOf(instance);
  [...element.children].forEach((child, i) => say(child, texts[i]));
  attribute(element, "aria-pressed", instance.generation === chosen);
  attribute(element, "title", `${labelOf(gpu, instance)}\n${texts.join("\n")}`);
  element.dataset.gi = instance.id;
}

function headOf(gpu) {
  const parts = [
    of(gpu.memoryUsedBytes, gpu.memoryTotalBytes, bytes) ?? "memory unknown", watts(gpu.powerWatts) ?? "power unknown",
    celsius(gpu.temperatureCelsius) ?? "temperature unknown",
    `SMs: ${gpu.smAllocated} of ${gpu.smTotal ?? "unknown"} in instances, ${gpu.smStranded ?? "unknown"} stranded`];
  if (gpu.migPending !== gpu.migCurrent) {
    parts.push(`MIG ${gpu.migPending} after a reset`);
  }
  if (gpu.drift) {
    parts.push("the layout differs from what the last change left");
  }
  if (gpu.xids.length) {
    parts.push(`Xid ${gpu.xids.map((xid) => `${xid.xid} x ${xid.count}`).join(", ")}`);
  }
  return parts.join(" · ");
}

function newGpu(gpu) {
  return make("article", { class: "gpu", "aria-label": `GPU ${gpu.index}` }, make("h3", {}, make("b"), make("span")),
    make("div", { class: "strip" }), make("p", { class: "off" }));
}

export function showGpus(box, sample, chosen, choose) {
  keyed(box, sample.gpus, (gpu) => gpu.uuid, newGpu, (element, gpu) => {
    const [head, strip, off] = element.children;
    say(head.firstChild, `GPU ${gpu.index} ${gpu.name}`);
    say(head.lastChild, headOf(gpu));
    const on = gpu.migCurrent === "enabled" && gpu.memorySlices > 0;
    strip.hidden = !on;
    off.hidden = on;
    say(off, gpu.migCurrent === "unsupported" ? "This GPU has no MIG." : "MIG is off.");
    style(strip, "grid-template-columns", `repeat(${gpu.memorySlices || 1}, minmax(0, 1fr))`);
    keyed(strip, on ? cells(gpu) : [], (cell) => cell.key, (cell) => newCell(gpu, cell, choose),
      (cell, what) => showCell(cell, gpu, what, chosen));
  });
}

// A strip of a plan: `marks` is a class for each cell that changes.
export function planStrip(layout, marks) {
  if (layout.mode !== "enabled") {
    return make("p", { class: "off" }, `MIG is ${layout.mode === "disabled" ? "off" : layout.mode}.`);
  }
  const strip = make("div", { class: "strip" });
  style(strip, "grid-template-columns", `repeat(${layout.memorySlices || 1}, minmax(0, 1fr))`);
  for (const cell of layout.instances) {
    const mark = marks(cell);
    const element = make("div", { class: `cell still ${mark}` }, make("span", { class: "profile" }, cell.profile),
      make("span", {}, mark || (cell.busy ? "in use" : "stays")));
    place(element, cell.placement.start, cell.placement.size);
    strip.append(element);
  }
  for (const slot of freeSlots(layout.memorySlices, layout.instances)) {
    const element = make("div", { class: "slot" });
    place(element, slot, 1);
    strip.append(element);
  }
  return strip;
}
