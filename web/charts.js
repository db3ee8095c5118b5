// SPDX-License-Identifier: Apache-2.0
// Lines over time as SVG: gaps where a value is unknown, one point for each column of pixels. Arrow keys move a cursor, whose values
// are written beside the names of the lines.
import { attribute, classes, clock, known, make, say } from "./dom.js";

const WIDTH = 600;
const HEIGHT = 150;
const LEFT = 46;
const BOTTOM = 18;
const SVG = "http:" + "//www.w3.org/2000/svg";

function svg(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  return element;
}

// A round number that is at least `value`.
export function roundUp(value) {
  if (!(value > 0)) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

// The mean of each column's points; null where there are none.
export function columns(points, from, until, count) {
  const sums = Array.from({ length: count }, () => ({ sum: 0, n: 0 }));
  for (const [time, value] of points) {
    const at = Math.floor(((time - from) / (until - from)) * count);
    if (at >= 0 && at < count && known(value)) {
      sums[at].sum += value;
      sums[at].n += 1;
    }
  }
  return sums.map(({ sum, n }) => (n ? sum / n : null));
}

// `gap`: so many empty columns in a row are bridged, since points are further apart than pixels.
function pathOf(values, top, gap) {
  let path = "";
  let last = -Infinity;
  values.forEach((value, i) => {
    if (!known(value)) {
      return;
    }
    const x = LEFT + ((i + 0.5) / values.length) * (WIDTH - LEFT);
    const y = (HEIGHT - BOTTOM) * (1 - Math.min(value / top, 1)) + 2;
    path += `${i - last > gap ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    if (i - last > gap) {
      path += "h0.1";
    }
    last = i;
  });
  return path;
}

export class Chart {
  // lines: [{name, of(row)}]; write(value) -> text; top: of the scale, or null: of the values.
  constructor(title, lines, write, top) {
    Object.assign(this, { title, lines, write, top, at: null });
    this.names = make("figcaption", {}, make("b", {}, title));
    this.values = lines.map((line, i) => {
      const value = make("span");
      this.names.append(make("span", {}, make("span", { class: `n${i}` }, `${["—", "- -", "···"][i]} `), `${line.name} `, value));
      return value;
    });
    this.drawing = svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", tabindex: "0", role: "img" });
    this.paths = lines.map((_, i) => svg("path", { class: `s${i}` }));
    this.cursor = svg("line", { class: "cursor", y1: 0, y2: HEIGHT - BOTTOM, visibility: "hidden" });
    this.drawing.append(svg("path", { class: "axis", d: `M${LEFT} 2V${HEIGHT - BOTTOM + 2}H${WIDTH}` }), ...this.paths, this.cursor);
    this.scale = make("div", { class: "times" });
    this.element = make("figure", {}, this.names, this.drawing, this.scale);
    this.drawing.addEventListener("keydown", (event) => this.key(event));
    this.drawing.addEventListener("blur", () => this.point(null));
    this.drawing.addEventListener("pointermove", (event) => {
      const box = this.drawing.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * WIDTH;
      this.point(x < LEFT ? null : Math.floor(((x - LEFT) / (WIDTH - LEFT)) * this.count));
    });
    this.drawing.addEventListener("pointerleave", () => this.point(null));
    this.count = 1;
    this.data = lines.map(() => []);
  }

  // `full`: the value at the top, where there is one.
  show(rows, from, until, every, full = null) {
    this.count = Math.max(1, Math.min(300, Math.floor((until - from) / every)));
    this.from = from;
    this.until = until;
    this.rows = rows.length;
    const data = this.lines.map((line) => columns(rows.map((row) => [row.timeMs, line.of(row)]), from, until, this.count));
    this.data = data;
    const most = Math.max(0, ...data.flat().filter(known));
    const top = known(full ?? this.top) ? Math.max(full ?? this.top, most) : roundUp(most);
    data.forEach((values, i) => attribute(this.paths[i], "d", pathOf(values, top, 2)));
    this.scale.replaceChildren(make("span", {}, clock(from, until - from > 864e5)), make("span", {}, `scale: 0 to ${this.write(top)}`),
      make("span", {}, clock(until)));
    this.write_values();
  }

  key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
    const last = this.count - 1;
    if (event.key === "Home" || event.key === "End") {
      this.point(event.key === "Home" ? 0 : last);
    } else if (event.key === "Escape") {
      this.point(null);
    } else if (steps[event.key]) {
      this.point((this.at ?? last) + steps[event.key]);
    } else {
      return;
    }
    event.preventDefault();
  }

  point(at) {
    this.at = at === null ? null : Math.max(0, Math.min(this.count - 1, at));
    if (this.at !== null) {
      const x = LEFT + ((this.at + 0.5) / this.count) * (WIDTH - LEFT);
      attribute(this.cursor, "x1", x);
      attribute(this.cursor, "x2", x);
    }
    attribute(this.cursor, "visibility", this.at === null ? "hidden" : "visible");
    this.write_values();
  }

  write_values() {
    const texts = this.data.map((values) => {
      const value = this.at === null ? values.findLast(known) : values[this.at];
      return known(value) ? this.write(value) : "unknown";
    });
    texts.forEach((text, i) => say(this.values[i], text));
    const when = this.at === null ? "the latest" : clock(this.from + ((this.at + 0.5) / this.count) * (this.until - this.from), true);
    const all = this.lines.map((line, i) => `${line.name} ${texts[i]}`).join(", ");
    attribute(this.drawing, "aria-label", `${this.title}, ${when}: ${all}. Arrow keys move through time.`);
    attribute(this.drawing, "data-points", this.rows ?? 0);
    classes(this.element, texts.every((text) => text === "unknown") ? "unknown" : "");
  }
}
