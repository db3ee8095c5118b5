// SPDX-License-Identifier: Apache-2.0
// The chosen instance (or whole GPU): what it is, and its lines over time, of /v1/history and then of each sample.
import { Chart } from "./charts.js";
import { byId, bytes, clock, keyed, known, make, name, of, percent, say, watts } from "./dom.js";
import { history } from "./rows.js";
import { labelOf, usesOf } from "./strips.js";

const PERIODS = {
  tick: { back: 36e5, every: 1000, again: Infinity },
  minute: { back: 864e5, every: 6e4, again: 6e4 },
  hour: { back: 30 * 864e5, every: 36e5, again: 6e5 },
};

function rowOf(sample, thing) {
  return { timeMs: sample.timeMs, sm: thing.activity.sm, dram: thing.activity.dram, tensor: thing.activity.tensor,
    memoryBytes: thing.memoryUsedBytes, powerWatts: thing.powerWatts };
}

export class Instance {
  constructor(chosen) {
    this.chosen = chosen;  // called with a key
    this.key = "";
    this.rows = [];
    this.turn = 0;
    this.period = "tick";
    this.charts = [
      new Chart("Activity", [{ name: "SM", of: (row) => row.sm }, { name: "DRAM", of: (row) => row.dram },
        { name: "tensor", of: (row) => row.tensor }], percent, 1),
      new Chart("Memory", [{ name: "used", of: (row) => row.memoryBytes }], bytes, null),
      new Chart("Power", [{ name: "attributed", of: (row) => row.powerWatts }], watts, null)];
    byId("charts").append(...this.charts.map((chart) => chart.element));
    byId("instance-pick").addEventListener("change", (event) => this.choose(event.target.value));
    byId("instance-period").addEventListener("change", (event) => {
      this.period = event.target.value;
      this.load();
    });
  }

  // Everything that can be chosen, by key: generation of an instance, UUID of a GPU.
  static things(sample) {
    return sample.gpus.flatMap((gpu) => [
      { key: gpu.uuid, label: `GPU ${gpu.index} ${gpu.name}, the whole`, gpu, thing: gpu },
      ...gpu.gpuInstances.map((instance) => ({ key: `${gpu.uuid} ${instance.generation}`, label: labelOf(gpu, instance), gpu, thing: instance,
        instance }))]);
  }

  choose(key) {
    if (key !== this.key) {
      this.key = key;
      this.rows = [];
      this.chosen(key);
      this.show(this.sample);
      this.load();
    }
  }

  show(sample) {
    this.sample = sample;
    const things = Instance.things(sample);
    if (!things.some((one) => one.key === this.key)) {
      const first = things.find((one) => one.instance) ?? things[0];
      this.key = first?.key ?? "";
      this.rows = [];
      this.chosen(this.key);
      this.load();
    }
    const pick = byId("instance-pick");
    keyed(pick, things, (one) => one.key, (one) => make("option", { value: one.key }), (option, one) => say(option, one.label));
    pick.value = this.key;
    const it = things.find((one) => one.key === this.key);
    say(byId("instance-facts"), it ? this.factsOf(it) : "There is no GPU.");
    if (it && this.period === "tick" && sample.timeMs > (this.rows.at(-1)?.timeMs ?? 0)) {
      this.rows.push(rowOf(sample, it.thing));
    }
    this.draw();
  }

  factsOf({ gpu, instance, thing }) {
    const parts = [`Memory ${of(thing.memoryUsedBytes, thing.memoryTotalBytes, bytes) ?? "unknown"}`];
    if (instance) {
      parts.unshift(`${instance.profile} on GPU ${gpu.index}, slots ${instance.placement.start} to ${
        instance.placement.start + instance.placement.size - 1}, ${instance.sm} SMs`);
      const uses = usesOf(instance);
      parts.push(uses.length ? uses.map((use) => `Lease ${use.lease} of ${name(use.tenant)}${known(use.job) ? ` for ${name(use.job)}` : ""}`)
        .join(", ") : "No lease");
      if (known(instance.idleSinceMs)) {
        parts.push(`Idle since ${clock(instance.idleSinceMs)}`);
      }
    }
    if (thing.activitySource === "unknown") {
      parts.push(`Activity is unknown: ${thing.activityReason ?? "the driver does not tell it"}`);
    }
    return `${parts.join(". ")}.`;
  }

  async load() {
    this.turn += 1;
    const { turn } = this;
    const it = Instance.things(this.sample ?? { gpus: [] }).find((one) => one.key === this.key);
    clearTimeout(this.later);
    if (!it) {
      return;
    }
    const { back, again } = PERIODS[this.period];
    const query = { period: this.period, gpu: it.gpu.uuid, fromMs: Date.now() - back, limit: 20000 };
    if (it.instance) {
      query.gpuInstance = it.instance.id;
    }
    try {
      const rows = await history(query);
      if (turn !== this.turn) {
        return;
      }
      // The same id may have been another instance's before.
      this.rows = rows.filter((row) => (it.instance ? row.generation === it.instance.generation : !known(row.gpuInstance)));
    } catch {
      // Without a history there is what comes from now on.
    }
    if (turn === this.turn) {
      this.draw();
      this.later = again < Infinity ? setTimeout(() => this.load(), again) : undefined;
    }
  }

  draw() {
    const { back, every } = PERIODS[this.period];
    const until = this.sample?.timeMs ?? Date.now();
    while (this.rows.length && this.rows[0].timeMs < until - back) {
      this.rows.shift();
    }
    // A line that has just begun is not drawn into the last pixel of an hour.
    const since = Math.max(until - back, Math.min(until - 60 * every, (this.rows[0]?.timeMs ?? until) - every));
    const it = Instance.things(this.sample ?? { gpus: [] }).find((one) => one.key === this.key);
    const full = [null, it?.thing.memoryTotalBytes ?? null, null];
    this.charts.forEach((chart, i) => chart.show(this.rows, since, until + every, this.stepOf(every), full[i]));
  }

  // Points that come more slowly than once a second are further apart.
  stepOf(every) {
    return this.period === "tick" ? Math.max(every, (this.sample?.intervalSeconds ?? 1) * 1000) : every;
  }
}
