// The page: asks the service every two seconds, and shows what changed.
//
// A token, where one is needed, is kept in this tab's session alone and sent as a header.

import { TimeChart } from "./charts.js";
import { at, h, say } from "./dom.js";
import { clock, duration, many } from "./format.js";
import * as models from "./models.js";
import { Beliefs, Rows } from "./tables.js";

const EVERY_MS = 2000;
const AFTER_FAILURE_MS = 4000;
const TIMEOUT_MS = 15000;
const TOKEN = "tracetier-token";
const THEME = "tracetier-theme";
const THEMES = ["system", "light", "dark"];

const charts = {
  traffic: new TimeChart(at("traffic"), "Traffic by tier"),
  spend: new TimeChart(at("spend"), "Spending"),
  quality: new TimeChart(at("quality"), "Quality"),
  feedback: new TimeChart(at("feedback"), "Feedback"),
  exploring: new TimeChart(at("exploring"), "Exploring"),
};
const beliefs = new Beliefs();
const rows = new Rows();

const page = {
  window: "1h", data: null, isPaused: false, asShares: false, lostSince: null, timer: 0, asked: 0,
};

// asking

async function ask() {
  clearTimeout(page.timer);
  const turn = (page.asked += 1);
  let wait = EVERY_MS;
  try {
    const token = sessionStorage.getItem(TOKEN);
    const answer = await fetch(`/v1/dashboard?window=${page.window}`, {
      headers: token ? { authorization: `Bearer ${token}` } : {},
      signal: AbortSignal.timeout(TIMEOUT_MS),
      cache: "no-store",
      credentials: "omit",
    });
    if (turn !== page.asked) return;
    if (answer.status === 401 || answer.status === 403) return needToken(answer.status, Boolean(token));
    if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
    const data = await answer.json();
    if (turn !== page.asked) return;
    show(data);
  } catch (error) {
    if (turn !== page.asked) return;
    lose(error);
    wait = AFTER_FAILURE_MS;
  }
  if (!page.isPaused && !document.hidden) page.timer = setTimeout(ask, wait);
}

function needToken(status, isGiven) {
  const why = status === 403
    ? "The token that was given may not read the dashboard."
    : isGiven ? "The token that was given is none of the declared ones." : "This service shows its figures to those who have a token.";
  say(at("ask-why"), why);
  setStatus("waiting", "token needed");
  if (!at("ask").open) at("ask").showModal();
  at("token").focus();
}

at("ask-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, at("token").value.trim());
  at("token").value = "";
  at("ask").close();
  ask();
});
at("ask").addEventListener("cancel", (event) => event.preventDefault());

// showing

function show(data) {
  const before = page.data;
  page.data = data;
  page.lostSince = null;
  const { state } = data;
  document.body.classList.remove("is-waiting");
  document.body.classList.toggle("is-empty", data.totals.decisions === 0);
  showFacts(data);
  for (const node of document.querySelectorAll("[data-scope=worker]")) {
    say(node, state.is_one_of_several ? "Of the worker that answered; each of the others has its own." : "");
  }
  showNotices(notices(data));
  showFigures(models.figures(data));
  charts.traffic.show(models.traffic(data, page.asShares));
  charts.spend.show(models.spend(data));
  charts.quality.show(models.quality(data));
  charts.feedback.show(models.feedback(data));
  charts.exploring.show({
    ...models.exploring(data),
    scope: state.is_one_of_several ? "Of the worker that answered." : "",
  });
  showAlarms(data.alarms);
  showSources(data.sources);
  beliefs.show(data);
  rows.show(data);
  say(at("counterfactual"), `“Always ${data.tiers.at(-1).name}” is a prediction: nobody ran ${data.tiers.at(-1).name} on the tasks that `
    + "others took. It is what the router believed of it, when it decided; where it was taken, its own cost counts on both sides.");
  say(at("kept"), `Totals and days come from the state and outlast the service; minutes and hours are kept since ${
    clock(data.since_s)}, ${duration(data.now_s - data.since_s)} ago.`);
  announce(before, data);
}

function showFacts({ state, now_s }) {
  const calm = page.isPaused ? "paused" : "live";
  setStatus(page.isPaused ? "waiting" : state.status, state.status === "ok" ? calm : state.status);
  const alone = state.is_one_of_several ? "several workers" : `up ${duration(state.uptime_s)}`;
  say(at("facts"), `artifact ${state.artifact_id} · ${state.strategy} · λ ${state.lam} · ${alone} · ${
    page.isPaused ? "paused, as of" : "updated"} ${clock(now_s)}`);
}

function setStatus(status, text) {
  at("status").dataset.status = status;
  say(at("status"), text);
}

/** Tell a screen reader what matters, and nothing else: not every two seconds. */
function announce(before, data) {
  const said = [];
  if (!before) said.push(`Live. ${many(data.totals.decisions, "decision")} in all.`);
  if (before && before.window !== data.window) {
    said.push(`Showing ${models.windowWords(data)}: ${many(data.in_window.decisions, "decision")}.`);
  }
  if (before && before.state.status !== data.state.status) said.push(`The service is ${data.state.status}.`);
  if (before && data.alarms.length > before.alarms.length) said.push(`Drift alarm: ${data.alarms[0].text}.`);
  if (said.length) say(at("said"), said.join(" "));
}

function lose(error) {
  if (page.lostSince === null) {
    page.lostSince = Date.now() / 1000;
    say(at("said"), "The service does not answer.");
  }
  setStatus("lost", "no answer");
  const found = page.data ? notices(page.data) : [];
  const why = error.name === "TimeoutError" ? "it took too long" : error.message;
  showNotices([{
    id: "lost", level: "bad", title: `The service has not answered since ${clock(page.lostSince)}`, lines: [],
    more: `${page.data ? "What stands here is as of then." : "There is nothing to show yet."} This page asks again every ${
      AFTER_FAILURE_MS / 1000} s (${why}).`,
  }, ...found]);
}

function notices(data) {
  return models.notices(data, location.origin, sessionStorage.getItem(TOKEN) !== null);
}

function showNotices(found) {
  const key = JSON.stringify(found);
  if (key === page.noticesKey) return;
  page.noticesKey = key;
  at("notices").replaceChildren(...found.map((one) => h("section", { class: `notice ${one.level}`, "data-id": one.id },
    h("h2", {}, one.title),
    one.lines.length ? h("ul", {}, ...one.lines.map((line) => h("li", {}, line))) : null,
    h("p", {}, one.more),
    one.code ? h("pre", { tabindex: "0", "aria-label": "Command" }, one.code) : null)));
}

function showFigures(figures) {
  const host = at("figures");
  if (!host.children.length) {
    host.append(...figures.map((one) => h("div", { class: "figure", "data-id": one.id },
      h("h2", {}), h("p", { class: "value" }, h("span", {}), " ", h("small", {})), h("p", { class: "sub" }))));
  }
  figures.forEach((one, i) => {
    const box = host.children[i];
    box.dataset.held = String(one.held ?? "");
    say(box.querySelector("h2"), one.title);
    say(box.querySelector("span"), one.value);
    say(box.querySelector("small"), one.unit ?? "");
    say(box.querySelector(".sub"), one.sub);
  });
}

function showAlarms(alarms) {
  const key = JSON.stringify(alarms);
  if (key === page.alarmsKey) return;
  page.alarmsKey = key;
  at("alarms").replaceChildren(...(alarms.length
    ? alarms.map((alarm) => h("div", { class: "alarm" }, h("span", {}, `${alarm.text}.`),
      h("span", { class: "when" }, alarm.at_s === null ? "holds now" : new Date(1000 * alarm.at_s).toLocaleString("en-GB"))))
    : [h("p", { class: "what" }, "None. The last 50 outcomes of each tier are held against what was usual before, and the tasks "
      + "against those of training; what moves is told here, and nothing is reset for it.")]));
}

function showSources(sources) {
  const all = Object.values(sources).reduce((a, b) => a + b, 0);
  const names = Object.keys(sources).sort((a, b) => sources[b] - sources[a]);
  const key = JSON.stringify(sources);
  if (key === page.sourcesKey) return;
  page.sourcesKey = key;
  at("sources").replaceChildren(...(all
    ? names.map((name) => h("div", { class: "asker" }, h("span", {}, name),
      h("meter", { min: 0, max: all, value: sources[name], "aria-label": `Decisions for ${name}` }),
      h("span", {}, `${sources[name]} · ${Math.round((100 * sources[name]) / all)} %`)))
    : [h("p", { class: "what" }, "Nobody in this window, as far as this worker knows.")]));
}

// controls

at("window").addEventListener("change", (event) => {
  page.window = event.target.value;
  ask();
});

at("pause").addEventListener("click", () => {
  page.isPaused = !page.isPaused;
  at("pause").setAttribute("aria-pressed", String(page.isPaused));
  if (!page.isPaused) return ask();
  clearTimeout(page.timer);
  if (page.data) showFacts(page.data);
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !page.isPaused) ask();
});

const mode = h("button", { type: "button", "aria-pressed": "false", id: "shares" }, "As shares");
mode.addEventListener("click", () => {
  page.asShares = !page.asShares;
  mode.setAttribute("aria-pressed", String(page.asShares));
  if (page.data) charts.traffic.show(models.traffic(page.data, page.asShares));
});
charts.traffic.tools.append(mode);

function setTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  say(at("theme"), `Theme: ${theme}`);
}
at("theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme ?? "system";
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
  localStorage.setItem(THEME, next);
  setTheme(next);
});
const kept = localStorage.getItem(THEME);
if (THEMES.includes(kept)) setTheme(kept);

ask();
