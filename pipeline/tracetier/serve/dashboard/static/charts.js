// Charts over steps of time, as inline SVG at the size of the page, so that text stays readable.
//
// A chart is a slider for the keyboard: the arrow keys move along the steps, and what stands there
// is read out and shown below. The same numbers are in a table that unfolds.

import { h, s, say } from "./dom.js";
import { NONE } from "./format.js";

const HEIGHT = 168;
const TOP = 8;
const BOTTOM = 22;
const LEFT = 52;
const RIGHT = 8;

/** Return a rounded upper end and the lines below it: 1, 2 or 5 times a power of ten apart. */
export function ticks(most) {
  if (!(most > 0)) return [0, 1];
  const raw = most / 3;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw * 0.999);
  const n = Math.ceil((most / step) * 0.999);
  return Array.from({ length: n + 1 }, (_, i) => i * step);
}

export class TimeChart {
  /**
   * @param {HTMLElement} section what the chart fills
   * @param {string} title
   */
  constructor(section, title) {
    const id = `${section.id}-title`;
    this.title = title;
    this.model = null;
    this.index = null;
    this.tools = h("span", { class: "tools" });
    this.what = h("p", { class: "what" });
    this.scope = h("p", { class: "scope" });
    this.svg = s("svg", { "aria-hidden": "true", height: HEIGHT });
    this.plot = h("div", {
      class: "plot", role: "slider", tabindex: "0", "aria-label": `${title}, by step of time`,
    }, this.svg);
    this.readout = h("p", { class: "readout" });
    this.legend = h("ul", { class: "legend" });
    this.head = h("thead");
    this.body = h("tbody");
    this.fold = h("details", {}, h("summary", {}, "Show as a table"),
      h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": `${title}, as a table` },
        h("table", {}, this.head, this.body)));
    section.setAttribute("aria-labelledby", id);
    section.replaceChildren(
      h("div", { class: "head" }, h("h2", { id }, title), this.tools),
      this.what, this.scope, this.plot, this.readout, this.legend, this.fold);
    this.plot.addEventListener("keydown", (event) => this.#key(event));
    this.plot.addEventListener("pointermove", (event) => this.#point(event));
    this.plot.addEventListener("pointerleave", () => this.#choose(null));
    this.plot.addEventListener("blur", () => this.#choose(null));
    this.fold.addEventListener("toggle", () => this.#table());
    new ResizeObserver(() => this.#draw()).observe(this.plot);
  }

  /**
   * Show a model: {
   *   labels: the steps in words; series: [{name, cls, values, kind: "bar"|"line"|"area"|"mark",
   *   dash}] with null for what is not known; format, and tick where the axis has another one;
   *   most: least upper end; what: a sentence;
   *   legend: [{name, cls, amount, stroke, dash}]; empty: what to say where nothing is to be drawn }
   */
  show(model) {
    this.model = model;
    say(this.what, model.what);
    this.what.hidden = !model.what;
    say(this.scope, model.scope ?? "");
    if (this.index !== null && this.index >= model.labels.length) this.index = null;
    this.#legend(model.legend);
    this.#draw();
    this.#tell();
    this.#table();
  }

  #legend(entries) {
    const key = JSON.stringify(entries);
    if (key === this.legendKey) return;
    this.legendKey = key;
    this.legend.replaceChildren(...entries.map(({ name, cls, amount, stroke, dash }) =>
      h("li", {},
        h("span", { class: `swatch ${cls}${stroke ? " stroke" : ""}${dash ? " dash" : ""}` }),
        h("span", { class: "name" }, name), amount ? h("span", { class: "amount" }, amount) : null)));
  }

  #draw() {
    const width = Math.max(200, this.plot.clientWidth);
    const model = this.model;
    if (!model || !this.plot.clientWidth) return;
    const { labels, series } = model;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const known = series.flatMap((one) => one.values.filter((value) => value !== null));
    const isEmpty = !known.some((value) => value !== 0);
    if (isEmpty && model.empty) {
      this.svg.replaceChildren(
        s("line", { class: "baseline", x1: 0, x2: width, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }),
        s("text", { class: "none", x: width / 2, y: HEIGHT / 2, "text-anchor": "middle" }, model.empty));
      return;
    }
    const bars = series.filter((one) => one.kind === "bar");
    const tops = labels.map((_, i) => bars.reduce((sum, one) => sum + (one.values[i] ?? 0), 0));
    const highest = Math.max(model.most ?? 0, ...tops,
      ...series.filter((one) => one.kind !== "bar").flatMap((one) => one.values.map((v) => v ?? 0)));
    const lines = ticks(highest);
    const end = lines[lines.length - 1];
    const room = width - LEFT - RIGHT;
    const step = room / labels.length;
    const x = (i) => LEFT + (i + 0.5) * step;
    const y = (v) => HEIGHT - BOTTOM - (Math.max(0, v) / end) * (HEIGHT - TOP - BOTTOM);
    const parts = [];
    for (const line of lines) {
      parts.push(s("line", {
        class: line === 0 ? "baseline" : "gridline", x1: LEFT, x2: width - RIGHT, y1: y(line), y2: y(line),
      }));
      parts.push(s("text", { x: LEFT - 8, y: y(line) + 4, "text-anchor": "end" }, (model.tick ?? model.format)(line)));
    }
    const every = Math.ceil(labels.length / Math.max(2, Math.floor(room / 110)));
    for (let i = labels.length - 1 - Math.floor(every / 3); i >= 0; i -= every) {
      if (x(i) - LEFT < 24) break;
      parts.push(s("text", { x: x(i), y: HEIGHT - 5, "text-anchor": "middle" }, labels[i]));
    }
    if (this.index !== null) {
      parts.push(s("rect", {
        class: "band", x: x(this.index) - Math.max(step, 3) / 2, width: Math.max(step, 3),
        y: TOP, height: HEIGHT - TOP - BOTTOM,
      }));
    }
    const floor = labels.map(() => 0);
    for (const one of series) {
      parts.push(one.kind === "bar" ? this.#bars(one, floor, x, y, step) : this.#line(one, x, y));
    }
    this.svg.replaceChildren(...parts);
  }

  #bars(one, floor, x, y, step) {
    const wide = Math.max(1.5, step - Math.min(3, step * 0.25));
    const rects = [];
    one.values.forEach((value, i) => {
      if (!value) return;
      const low = floor[i];
      floor[i] += value;
      rects.push(s("rect", {
        class: "bar", x: x(i) - wide / 2, width: wide, y: y(floor[i]), height: Math.max(0.5, y(low) - y(floor[i])),
      }));
    });
    return s("g", { class: one.cls }, ...rects);
  }

  #line(one, x, y) {
    const parts = [];
    let run = [];
    const flush = () => {
      if (run.length === 1 && !one.dash) parts.push(s("circle", { class: "dot", cx: run[0][0], cy: run[0][1], r: 3 }));
      if (run.length > 1) {
        const d = run.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
        if (one.kind === "area") {
          const base = y(0).toFixed(1);
          parts.push(s("path", { class: "area", d: `${d}L${run.at(-1)[0].toFixed(1)} ${base}L${run[0][0].toFixed(1)} ${base}Z` }));
        }
        parts.push(s("path", { class: `line ${one.dash ?? ""}`, d }));
      }
      run = [];
    };
    one.values.forEach((value, i) => (value === null ? one.spans || flush() : run.push([x(i), y(value)])));
    if (one.spans && !one.dash) {
      parts.push(...run.map(([cx, cy]) => s("circle", { class: "dot", cx, cy, r: 2.6 })));
    }
    flush();
    return s("g", { class: one.cls }, ...parts);
  }

  #words(i) {
    const { labels, series, format } = this.model;
    const told = series.filter((one) => one.kind !== "mark")
      .map((one) => `${one.name} ${one.values[i] === null ? NONE : format(one.values[i])}`);
    return `${labels[i]}: ${told.join(", ")}`;
  }

  #tell() {
    const { labels } = this.model;
    const i = this.index ?? labels.length - 1;
    this.plot.setAttribute("aria-valuemin", 0);
    this.plot.setAttribute("aria-valuemax", labels.length - 1);
    this.plot.setAttribute("aria-valuenow", i);
    this.plot.setAttribute("aria-valuetext", this.#words(i));
    say(this.readout, this.#words(i));
    this.readout.classList.toggle("chosen", this.index !== null);
  }

  #choose(index) {
    if (!this.model || index === this.index) return;
    this.index = index;
    this.#draw();
    this.#tell();
  }

  #key(event) {
    if (!this.model) return;
    const last = this.model.labels.length - 1;
    const now = this.index ?? last;
    const moves = { ArrowLeft: now - 1, ArrowRight: now + 1, ArrowDown: now - 1, ArrowUp: now + 1, Home: 0, End: last };
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.#choose(Math.min(last, Math.max(0, moves[event.key])));
  }

  #point(event) {
    if (!this.model) return;
    const box = this.plot.getBoundingClientRect();
    const n = this.model.labels.length;
    const i = Math.floor(((event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT)) * n);
    this.#choose(i >= 0 && i < n ? i : null);
  }

  #table() {
    if (!this.fold.open || !this.model) return;
    const { labels, series, format } = this.model;
    const told = series.filter((one) => one.kind !== "mark");
    this.head.replaceChildren(h("tr", {}, h("th", { scope: "col" }, "From"),
      ...told.map((one) => h("th", { scope: "col", class: "num" }, one.name))));
    const rows = labels.map((label, i) => [label, i]).reverse()
      .filter(([, i]) => told.some((one) => one.values[i]));
    this.body.replaceChildren(...rows.map(([label, i]) => h("tr", {}, h("th", { scope: "row" }, label),
      ...told.map((one) => h("td", { class: "num" }, one.values[i] === null ? NONE : format(one.values[i]))))));
  }
}
