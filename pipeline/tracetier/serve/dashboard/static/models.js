// From the service's data to what each chart and figure shows. Pure: no page, no network.

import { NONE, fixed, many, share, stamp, usd, whole } from "./format.js";

const STEPS = { 60: "minute", 900: "15 minutes", 3600: "hour", 86400: "day" };
const WORDS = { "1h": "the last hour", "24h": "the last 24 hours", "7d": "the last 7 days", "30d": "the last 30 days (UTC)" };

export const windowWords = (data) => WORDS[data.window];

const ratio = (a, b) => (b > 0 ? a / b : null);
const sum = (values) => values.reduce((total, value) => total + (value ?? 0), 0);
const sums = (values) => {
  let total = 0;
  return values.map((value) => (total += value));
};
const labels = (data) => data.points.map((point) => stamp(point.at_s, data.step_s));
const dearest = (data) => data.tiers.at(-1).name;

/** Decisions per step and tier, as numbers or as shares of the step. */
export function traffic(data, asShares) {
  const ofStep = data.points.map((point) => sum(point.decisions));
  const all = sum(ofStep);
  const series = data.tiers.map((tier, k) => ({
    name: tier.name, cls: `t${Math.min(k, 5)}`, kind: "bar",
    values: data.points.map((point, i) => (asShares ? ratio(point.decisions[k], ofStep[i]) : point.decisions[k])),
  }));
  return {
    labels: labels(data), series, empty: "No decisions in this window",
    format: asShares ? (value) => share(value) : (value) => whole(Math.round(value * 10) / 10),
    most: asShares ? 1 : 3,
    what: `Decisions per ${STEPS[data.step_s]}, over all who share the state, in ${windowWords(data)}.`,
    legend: data.tiers.map((tier, k) => {
      const n = sum(data.points.map((point) => point.decisions[k]));
      return { name: tier.name, cls: `t${Math.min(k, 5)}`, amount: `${whole(n)} · ${share(ratio(n, all))}` };
    }),
  };
}

/** Spending summed up over the window, beside the dear tier's, and what the goal allows. */
export function spend(data) {
  const spent = sums(data.points.map((point) => point.totals.spend_usd));
  const dear = sums(data.points.map((point) => point.totals.dear_usd));
  const series = [
    { name: "spent", cls: "c-spent", kind: "area", values: spent },
    { name: `always ${dearest(data)}`, cls: "c-dear", kind: "line", dash: "dashed", values: dear },
  ];
  const legend = [
    { name: "Spent", cls: "c-spent", amount: usd(spent.at(-1)), stroke: true },
    { name: `Always ${dearest(data)}, by prediction`, cls: "c-dear", amount: usd(dear.at(-1)), stroke: true, dash: true },
  ];
  const allowed = allowance(data, dear);
  if (allowed) {
    series.push({ name: "allowed", cls: "c-goal", kind: "line", dash: "dotted", values: allowed });
    legend.push({ name: "Allowed by the goal", cls: "c-goal", amount: usd(allowed.at(-1)), stroke: true, dash: true });
  }
  return {
    labels: labels(data), series, legend, format: usd, empty: "Nothing spent in this window",
    what: "Summed up from the start of the window; as predicted, where no cost was reported.",
  };
}

function allowance(data, dear) {
  const { goal } = data;
  if (goal?.kind === "budget_usd") return sums(data.points.map((point) => goal.target * sum(point.decisions)));
  if (goal?.kind === "budget_usd_per_day") return sums(data.points.map(() => (goal.target * data.step_s) / 86400));
  if (goal?.kind === "saving") return dear.map((value) => value * (1 - goal.target));
  return null;
}

/** Mean reported quality per step, beside what was believed of the dear tier. */
export function quality(data) {
  const reported = data.points.map((point) => point.totals.quality);
  const believed = data.points.map((point) => point.totals.dear_quality);
  const inWindow = data.in_window;
  const series = [
    { name: "reported", cls: "c-spent", kind: "line", spans: true, values: reported },
    { name: `${dearest(data)}, believed`, cls: "c-dear", kind: "line", dash: "dashed", spans: true, values: believed },
  ];
  const legend = [
    { name: "Reported", cls: "c-spent", amount: fixed(inWindow.quality), stroke: true },
    { name: `Believed of ${dearest(data)} on the same tasks`, cls: "c-dear", amount: fixed(inWindow.dear_quality), stroke: true, dash: true },
  ];
  if (data.goal?.kind === "quality_floor") {
    series.push({ name: "floor", cls: "c-goal", kind: "mark", dash: "dotted", values: data.points.map(() => data.goal.target) });
    legend.push({ name: "Floor", cls: "c-goal", amount: fixed(data.goal.target), stroke: true, dash: true });
  }
  const any = reported.some((value) => value !== null);
  return {
    labels: labels(data), series: any ? series : series.slice(0, 1), legend, most: 10,
    format: fixed, tick: (value) => fixed(value, 0),
    empty: "No quality reported in this window", what: "Mean quality (0–10) of the reports that came in each step.",
  };
}

/** Decisions and reports per step. */
export function feedback(data) {
  const decisions = data.points.map((point) => point.totals.decisions);
  const reports = data.points.map((point) => point.totals.n_quality);
  return {
    labels: labels(data), most: 3, format: (value) => whole(Math.round(value * 10) / 10),
    series: [
      { name: "decisions", cls: "c-dear", kind: "line", dash: "dashed", values: decisions },
      { name: "reports of quality", cls: "c-good", kind: "area", values: reports },
    ],
    legend: [
      { name: "Decisions", cls: "c-dear", amount: whole(sum(decisions)), stroke: true, dash: true },
      { name: "Reports of quality", cls: "c-good", amount: whole(sum(reports)), stroke: true },
    ],
    empty: "No decisions in this window", what: "A report counts when it comes, which may be long after its decision.",
  };
}

const percent = (value) => `${Number((100 * value).toFixed(1))} %`;

/** Share of the decisions of each step that were drawn at random. */
export function exploring(data) {
  const isKept = data.points[0]?.n_here !== null;
  const n = sum(data.points.map((point) => point.n_here));
  const explored = sum(data.points.map((point) => point.explored));
  const values = data.points.map((point) => (isKept ? ratio(point.explored, point.n_here) : null));
  return {
    labels: labels(data), format: percent, most: 0.05,
    series: [{ name: "explored", cls: "c-explore", kind: "line", spans: true, values }],
    legend: isKept ? [{ name: "Drawn at random, to learn", cls: "c-explore", amount: `${whole(explored)} of ${whole(n)} · ${share(ratio(explored, n), 1)}`, stroke: true }] : [],
    empty: !isKept ? "Not kept by the day; choose a shorter window" : n ? "Nothing was explored in this window" : "No decisions in this window",
    what: "Share of the decisions that were drawn at random.",
  };
}

const GOALS = {
  budget_usd: ["Spend per request, in all", "at most", usd],
  budget_usd_per_day: ["Spend today (UTC)", "at most", usd],
  saving: ["Saved, against the goal", "at least", share],
  quality_floor: ["Quality, against the floor", "at least", fixed],
};

/** The figures above the charts: [{id, title, value, unit, sub, held}]. */
export function figures(data) {
  const { in_window: here, totals: all } = data;
  const n = sum(data.points.map((point) => point.n_here));
  const explored = sum(data.points.map((point) => point.explored));
  const isKept = data.points[0]?.n_here !== null;
  return [
    {
      id: "decisions", title: "Decisions", value: whole(here.decisions),
      sub: `${whole(all.decisions)} in all since the state began`,
    },
    {
      id: "saved", title: `Saved against always ${dearest(data)}`, value: usd(here.decisions ? here.saved_usd : null),
      unit: here.saved_share === null ? "" : share(here.saved_share),
      sub: all.decisions ? `in all ${usd(all.saved_usd)} of ${usd(all.dear_usd)} (${share(all.saved_share)}), by prediction` : "nothing decided yet",
    },
    goalFigure(data),
    {
      id: "quality", title: "Mean quality reported", value: fixed(here.quality), unit: here.quality === null ? "" : "of 10",
      sub: all.quality === null ? "no report of quality yet" : `in all ${fixed(all.quality)}; believed of ${dearest(data)} ${fixed(all.dear_quality)}`,
    },
    {
      id: "feedback", title: "Feedback", value: share(ratio(all.n_quality, all.decisions)),
      sub: `of all decisions have a quality; ${whole(data.n_pending)} wait for a report, ${whole(data.n_expired)} expired`,
    },
    {
      id: "explored", title: "Explored", value: isKept ? share(ratio(explored, n), 1) : NONE,
      sub: !isKept ? "not kept by the day" : `${whole(explored)} of ${many(n, "decision")}${data.state.is_one_of_several ? " of this worker" : ""}`,
    },
  ];
}

function goalFigure(data) {
  const { goal, in_window: here } = data;
  if (!goal) {
    return {
      id: "goal", title: "Spent", value: usd(here.decisions ? here.spend_usd : null),
      sub: "no budget or floor is set; see [budget] in tracetier.toml",
    };
  }
  const [title, bound, format] = GOALS[goal.kind];
  return {
    id: "goal", title, value: format(goal.actual), held: goal.is_held,
    sub: `${bound} ${format(goal.target)} wanted: ${goal.is_held === null ? "nothing tells yet" : goal.is_held ? "held" : "missed"}`,
  };
}

/** What the operator should know: [{id, level, title, lines, code}]. */
export function notices(data, origin, hasToken) {
  const token = hasToken ? ' -H "authorization: Bearer $TOKEN"' : "";
  const found = [];
  const { state, totals } = data;
  if (state.degraded.length) {
    found.push({
      id: "degraded", level: "warn", title: "The service goes on without a part of it", lines: state.degraded.map((line) => `${line}.`),
      more: `What to do: see /readyz and the log of the service, bring the part back; nothing need be restarted.${
        state.n_queued ? ` ${many(state.n_queued, "decision")} wait for the store.` : ""}${
        state.n_dropped ? ` ${many(state.n_dropped, "decision")} had to be dropped.` : ""}`,
    });
  }
  if (!totals.decisions) {
    found.push({
      id: "empty", level: "info", title: "No decision yet", lines: [],
      more: "Ask for the first one, and this page fills by itself. What the model alone believes of each tier stands below.",
      code: `curl ${origin}/v1/route${token} -H 'content-type: application/json' \\\n  -d '{"task": {"text": "Rename the function foo to bar", "task_type": "code_edit"}}'`,
    });
  } else if (!totals.n_quality) {
    const id = data.recent[0]?.decision_id ?? "DECISION_ID";
    found.push({
      id: "unreported", level: "info", title: "No outcome reported yet", lines: [],
      more: `${many(totals.decisions, "decision")} went out and none came back with a quality, so the router goes by the model alone. Report how they went, 0 to 10:`,
      code: `curl ${origin}/v1/feedback${token} -H 'content-type: application/json' \\\n  -d '{"decision_id": "${id}", "quality": 8, "cost_usd": 0.004}'`,
    });
  }
  return found;
}
