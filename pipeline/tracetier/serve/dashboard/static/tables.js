// The tables: what is believed of each tier and bucket, and the last decisions.

import { at, h, s, say } from "./dom.js";
import { NONE, clock, fixed, share, usd, whole } from "./format.js";

const FEW_BUCKETS = 6;
const FEW_ROWS = 12;

/** Class of a tier's colour, by its place; a tier that is no more is grey. */
export function colour(tiers, name) {
  const i = tiers.findIndex((tier) => tier.name === name);
  return `t${i < 0 ? 5 : Math.min(i, 5)}`;
}

export function badge(tiers, name, extra = "") {
  return h("span", { class: `tier ${colour(tiers, name)}${extra}` }, h("span", {}, name));
}

function folded(button, few, all, name) {
  let isAll = false;
  const told = { n: 0 };
  const show = () => {
    button.hidden = told.n <= few;
    say(button, isAll ? `Show ${few} ${name}` : `Show all ${told.n} ${name}`);
    button.setAttribute("aria-expanded", String(isAll));
  };
  button.addEventListener("click", () => {
    isAll = !isAll;
    show();
    all();
  });
  return { count: (n) => ((told.n = n), show(), isAll ? n : Math.min(n, few)) };
}

export class Beliefs {
  constructor() {
    this.table = at("cells");
    this.data = null;
    this.fold = folded(at("all-cells"), FEW_BUCKETS, () => this.#draw(), "buckets");
  }

  show(data) {
    const key = JSON.stringify([data.cells, data.tiers.map((tier) => tier.name), data.state.lam]);
    if (key === this.key) return;
    this.key = key;
    this.data = data;
    this.#draw();
  }

  #draw() {
    const { cells, tiers, state, n_cells } = this.data;
    const hasSd = cells.some((cell) => cell.sd !== null);
    const buckets = [...new Set(cells.map((cell) => cell.bucket))];
    const some = buckets.slice(0, this.fold.count(buckets.length));
    const spread = cells.flatMap((cell) => [cell.q - (cell.sd ?? 0), cell.q + (cell.sd ?? 0), cell.prior_q]);
    const low = Math.min(...spread);
    const high = Math.max(...spread, low + 1e-9);
    const left = n_cells > cells.length ? ` The ${buckets.length} busiest buckets are shown.` : "";
    say(at("beliefs-what"), `Q = quality (0–10) − ${state.lam} × cost (0–1), per bucket of tasks, over all who `
      + `share the state. ${hasSd ? "The bar is one standard deviation either way" : "This strategy keeps no standard deviation"}`
      + `; the ring is what the model alone expects.${left}`);
    const head = h("thead", {}, h("tr", {}, ...[
      ["Tier", ""], [`${fixed(low, 1)} to ${fixed(high, 1)}`, "spread"], ["Q ± sd", "num"], ["Model alone", "num"],
      ["Decisions", "num"], ["Reports", "num"], ["Waiting", "num"],
    ].map(([name, cls]) => h("th", { scope: "col", class: cls }, name))));
    const bodies = some.map((bucket) => {
      const own = cells.filter((cell) => cell.bucket === bucket);
      const best = own.reduce((a, b) => (b.q > a.q ? b : a));
      return h("tbody", {},
        h("tr", { class: "bucket" }, h("th", { scope: "rowgroup", colspan: 7 }, bucket)),
        ...own.map((cell) => h("tr", {},
          h("th", { scope: "row" }, badge(tiers, cell.tier, cell === best ? " best" : "")),
          h("td", { class: "spread" }, whiskers(cell, low, high, colour(tiers, cell.tier))),
          h("td", { class: "num" }, `${fixed(cell.q)}${cell.sd === null ? "" : ` ± ${fixed(cell.sd)}`}`),
          h("td", { class: "num" }, fixed(cell.prior_q)),
          h("td", { class: "num" }, whole(cell.n_decisions)),
          h("td", { class: "num" }, whole(cell.n_reports)),
          h("td", { class: "num" }, whole(cell.n_pending)))));
    });
    this.table.replaceChildren(head, ...bodies);
  }
}

function whiskers(cell, low, high, cls) {
  const x = (value) => 6 + (168 * (value - low)) / (high - low);
  const svg = s("svg", { viewBox: "0 0 180 20", class: cls, "aria-hidden": "true" },
    s("line", { class: "gridline", x1: 2, x2: 178, y1: 10, y2: 10 }));
  if (cell.sd !== null) {
    const [a, b] = [x(cell.q - cell.sd), x(cell.q + cell.sd)];
    svg.append(s("line", { class: "whisker", x1: a, x2: b, y1: 10, y2: 10 }),
      s("line", { class: "whisker", x1: a, x2: a, y1: 6, y2: 14 }),
      s("line", { class: "whisker", x1: b, x2: b, y1: 6, y2: 14 }));
  }
  svg.append(s("circle", { class: "own", cx: x(cell.prior_q), cy: 10, r: 5 }),
    s("circle", { class: "dot", cx: x(cell.q), cy: 10, r: 4 }));
  return svg;
}

/** The last decisions; a row stays the same element while it is shown, so focus and folds stay. */
export class Rows {
  constructor() {
    this.table = at("rows");
    this.body = h("tbody", { role: "rowgroup" });
    this.made = new Map();
    this.data = null;
    this.fold = folded(at("all-rows"), FEW_ROWS, () => this.#draw(), "decisions");
    this.table.replaceChildren(
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
        ...["Time", "Tier", "For", "Believed", "Came out", "Why"].map((name) =>
          h("th", { scope: "col", role: "columnheader" }, name)))),
      this.body);
  }

  show(data) {
    this.data = data;
    this.#draw();
  }

  #draw() {
    const { recent, tiers } = this.data;
    at("no-rows").hidden = recent.length > 0;
    this.table.hidden = recent.length === 0;
    const some = recent.slice(0, this.fold.count(recent.length));
    const old = this.made;
    this.made = new Map();
    for (const row of some) {
      const made = old.get(row.decision_id) ?? newRow(row, tiers);
      outcome(made, row);
      this.made.set(row.decision_id, made);
    }
    for (const [id, made] of old) if (!this.made.has(id)) made.row.remove();
    let next = this.body.firstChild;
    for (const made of this.made.values()) {
      if (made.row === next) next = next.nextSibling;
      else this.body.insertBefore(made.row, next);
    }
  }
}

function newRow(row, tiers) {
  const flags = [
    row.is_explored && "explored", row.is_abstained && "stayed with the incumbent",
    row.shadow_tier !== null && `shadow: ${row.shadow_tier}`, ...row.rules.map((rule) => `rule: ${rule}`),
  ].filter(Boolean);
  const place = [row.task_type, row.agent_name, `by ${row.source}`].filter((text) => text !== null).join(" · ");
  const cameOut = h("td", { role: "cell", "data-label": "came out" });
  const time = clock(row.at_s);
  const element = h("tr", { role: "row", "data-id": row.decision_id },
    h("td", { role: "cell", class: "time" }, time),
    h("th", { role: "rowheader", scope: "row" }, badge(tiers, row.tier), " ",
      ...flags.map((flag) => h("span", { class: "flag" }, flag))),
    h("td", { role: "cell", class: "for" }, h("div", {}, row.bucket), h("div", { class: "place" }, place)),
    h("td", { role: "cell", "data-label": "believed" }, `${fixed(row.believed_quality, 1)} of 10, ${usd(row.believed_usd)}`),
    cameOut,
    h("td", { role: "cell", class: "why" }, h("details", {},
      h("summary", {}, row.reasons.length === 1 ? "1 reason" : `${row.reasons.length} reasons`,
        h("span", { class: "hidden" }, ` for ${row.tier} at ${time}`)),
      h("ul", { class: "reasons" }, ...row.reasons.map((reason) => h("li", {}, reason)),
        h("li", {}, `taken with probability ${share(row.propensity, 1)}, λ ${row.lam}`,
          row.price ? `, price ${fixed(row.price)}` : "", ", id ", h("code", {}, row.decision_id))))));
  return { row: element, cameOut };
}

function outcome(made, row) {
  const quality = row.quality === null ? null : `${fixed(row.quality, 1)} of 10`;
  const cost = row.cost_usd === null ? null : usd(row.cost_usd);
  say(made.cameOut, [quality, cost].filter((text) => text !== null).join(", ") || NONE);
}
