// Numbers and times as a person reads them. Null is what is not known, and shows as a dash.

export const NONE = "–";

const WHOLE = new Intl.NumberFormat("en-US");
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const SECONDS = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit", minute: "2-digit", second: "2-digit",
});
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const DAY_UTC = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

export function whole(n) {
  return n === null ? NONE : WHOLE.format(n);
}

/** USD with at least three figures that tell something: $1,240, $3.18, $0.00412. */
export function usd(x) {
  if (x === null) return NONE;
  const size = Math.abs(x);
  const sign = x < 0 ? "−" : "";
  if (size >= 1000) return `${sign}$${WHOLE.format(Math.round(size))}`;
  if (size >= 1 || size === 0) return `${sign}$${size.toFixed(2)}`;
  const places = Math.min(8, Math.max(2, 2 - Math.floor(Math.log10(size))));
  return `${sign}$${size.toFixed(places)}`;
}

export function share(x, places = 0) {
  if (x === null) return NONE;
  const text = (100 * x).toFixed(x !== 0 && Math.abs(x) < 0.1 ? Math.max(1, places) : places);
  return `${text.replace("-", "−")} %`;
}

export function fixed(x, places = 2) {
  return x === null ? NONE : x.toFixed(places).replace("-", "−");
}

export function clock(seconds) {
  return SECONDS.format(new Date(1000 * seconds));
}

/** The start of a step of time: the clock for short ones, the day for long ones. */
export function stamp(seconds, step) {
  const time = new Date(1000 * seconds);
  if (step >= 86400) return DAY_UTC.format(time);
  return step >= 3600 ? `${DAY.format(time)} ${CLOCK.format(time)}` : CLOCK.format(time);
}

export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

export function many(n, one, more = `${one}s`) {
  return `${whole(n)} ${n === 1 ? one : more}`;
}
