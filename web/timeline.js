// SPDX-License-Identifier: Apache-2.0
// What lay where in the last hour: a lane for each id of a GPU instance, a bar for each instance that had it, in the colour of its
// tenant. From the minutes of /v1/history, and from then on from each sample.
import { byId, classes, clock, keyed, known, make, name, say, style } from "./dom.js";
import { history } from "./rows.js";
import { colourOf, usesOf } from "./strips.js";

const BACK = 36e5;
const LEAST = 3e5;
const GAP = 9e4;

// Times in which one tenant had one instance, in order: the last one of a lane goes on while both stay the same.
function note(bars, gpu, id, generation, profile, tenant, from, until) {
  const last = bars.findLast((bar) => bar.gpu === gpu && bar.id === id);
  if (last && last.generation === generation && last.tenant === tenant && from - last.until < GAP) {
    last.until = Math.max(last.until, until);
  } else {
    bars.push({ key: `${gpu} ${id} ${from}`, gpu, id, generation, profile, tenant, from, until });
  }
}

export class Timeline {
  constructor() {
    this.past = [];
    this.pastUntil = 0;
    this.live = [];
  }

  async load() {
    try {
      const rows = await history({ period: "minute", fromMs: Date.now() - BACK, limit: 20000 });
      this.past = [];
      rows.filter((row) => known(row.gpuInstance)).forEach((row) =>
        note(this.past, row.gpuUuid, row.gpuInstance, row.generation, row.profile, row.tenant, row.timeMs, row.timeMs + row.periodMs));
      this.pastUntil = Math.max(0, ...this.past.map((bar) => bar.until));
      this.live = this.live.filter((bar) => bar.until > this.pastUntil);
      return rows;
    } catch {
      return [];
    }
  }

  // What the minutes tell, and what came after them; the time between the last whole minute and the page's begin is bridged.
  bars(oldest) {
    const all = this.past.map((bar) => ({ ...bar }));
    for (const bar of this.live.filter((one) => one.until > this.pastUntil)) {
      note(all, bar.gpu, bar.id, bar.generation, bar.profile, bar.tenant, Math.max(bar.from, this.pastUntil), bar.until);
    }
    return all.filter((bar) => bar.until >= oldest);
  }

  show(sample) {
    const until = sample.timeMs;
    const oldest = until - BACK;
    for (const gpu of sample.gpus) {
      for (const instance of gpu.gpuInstances) {
        note(this.live, gpu.uuid, instance.id, instance.generation, instance.profile, usesOf(instance)[0]?.tenant ?? null, until - 1000, until);
      }
    }
    const all = this.bars(oldest);
    const from = Math.max(oldest, Math.min(until - LEAST, ...all.map((bar) => bar.from)));
    const gpus = sample.gpus.filter((gpu) => all.some((bar) => bar.gpu === gpu.uuid));
    keyed(byId("timeline-list"), gpus.length ? gpus : [null], (gpu) => gpu?.uuid ?? "none",
      (gpu) => (gpu ? make("div", {}, make("h3", {}, `GPU ${gpu.index}`), make("div", { class: "lanes" }),
        make("div", { class: "times" }, make("span"), make("span"))) : make("p", { class: "empty" }, "No instance existed.")),
      (element, gpu) => gpu && this.showGpu(element, gpu, all.filter((bar) => bar.gpu === gpu.uuid), from, until));
  }

  showGpu(element, gpu, bars, from, until) {
    const ids = [...new Set(bars.map((bar) => bar.id))].sort((a, b) => a - b);
    const parts = ids.flatMap((id) => [{ id, text: true }, { id, text: false }]);
    keyed(element.children[1], parts, (part) => `${part.id} ${part.text}`,
      (part) => (part.text ? make("span", {}, `gi ${part.id}`) : make("div", { class: "lane", role: "img" })),
      (lane, part) => part.text || this.showLane(lane, bars.filter((bar) => bar.id === part.id), from, until));
    say(element.children[2].firstChild, clock(from));
    say(element.children[2].lastChild, clock(until));
  }

  showLane(lane, bars, from, until) {
    const left = (time) => `${(100 * Math.max(0, time - from)) / (until - from)}%`;
    lane.setAttribute("aria-label", bars.map((bar) =>
      `${bar.profile}${bar.tenant ? ` of ${name(bar.tenant)}` : ""} ${clock(bar.from)} to ${clock(bar.until)}`).join("; "));
    keyed(lane, bars, (bar) => bar.key, () => make("div"), (element, bar) => {
      classes(element, `bar ${bar.tenant ? colourOf(bar.tenant) : "none"}`);
      style(element, "left", left(bar.from));
      style(element, "right", `${100 - parseFloat(left(Math.min(bar.until, until)))}%`);
      say(element, `${bar.profile} ${bar.tenant ? name(bar.tenant) : ""}`);
      element.title = `${bar.profile} ${bar.tenant ? name(bar.tenant) : "no lease"}, ${clock(bar.from)} to ${clock(bar.until)}`;
    });
  }
}
