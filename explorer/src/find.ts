// Finding a star: by name or number, by what it has, or at random.

import { choice, fill, h } from "./dom";
import { MOST_ROWS, type Row, type Rows, type Wanted, findCandidates, findStars, randomStar } from "./find_data";
import { type Route, address } from "./route";
import type { Column } from "./column";
import { sortedTable } from "./table";
import { waiting } from "./wait";

const RANGES: Record<string, [string, string, string]> = {
  period: ["Period", "d", "candidate"],
  depth: ["Depth", "ppm", "candidate"],
  snr: ["SNR", "", "candidate"],
  score: ["Score", "0 to 1", "candidate"],
  candidates: ["Planets and candidates", "", "star"],
  teff: ["Temperature", "K", "star"],
  radius: ["Radius", "R☉", "star"],
};
const EXAMPLES: [string, Record<string, string>][] = [
  ["likely planets", { list: "candidates", score: "0.9.." }],
  ["shorter than two days", { list: "candidates", period: "..2" }],
  ["shallower than 300 ppm", { list: "candidates", depth: "..300" }],
  ["false positives", { list: "candidates", disposition: "FALSE POSITIVE" }],
  ["stars with known planets", { list: "stars", known: "CONFIRMED" }],
];

export async function findView(root: HTMLElement, route: Route, signal: AbortSignal): Promise<void> {
  const { query } = route;
  const list = query.get("list") === "stars" ? "stars" : "candidates";
  const name = h("input", { type: "search", value: query.get("name") ?? "", placeholder: "Kepler-11, KOI-157, 6541920", autocomplete: "off", spellcheck: "false" });
  const boxes = Object.entries(RANGES).map(([key, [label, unit, of]]) => {
    const [low = "", high = ""] = (query.get(key) ?? "").split("..");
    const box = (words: string, value: string) => h("input", { type: "number", step: "any", value, "aria-label": `${label}, ${words}`, placeholder: words === "at least" ? "from" : "to" });
    return { key, of, label, unit, low: box("at least", low), high: box("at most", high) };
  });
  let disposition = query.get("disposition") ?? "";
  let known = query.get("known") ?? "";
  const field = (of: string) =>
    boxes
      .filter((box) => box.of === of)
      .map((box) => h("div", { class: "field range" }, h("span", {}, box.label, box.unit && h("span", { class: "unit" }, ` ${box.unit}`)), box.low, "–", box.high));
  const go = (what: string) => {
    const changes: Record<string, string> = { list: what, name: name.value.trim(), disposition: what === "stars" ? "" : disposition, known };
    for (const { key, low, high } of boxes) changes[key] = low.value || high.value ? `${low.value}..${high.value}` : "";
    const next = address(["find"], changes);
    if (next === location.hash) dispatchEvent(new HashChangeEvent("hashchange"));
    else location.hash = next;
  };
  const wait = h("div", { class: "waits" });
  const result = h("div", { class: "result" });
  const randomly = async () => {
    const star = await waiting(wait, "Choosing a star …", signal, () => randomStar(signal));
    if (star) location.hash = address(["star", star]);
  };
  fill(
    root,
    h("h1", {}, "Find a star"),
    h("p", {}, "Light curves of Kepler and K2, and what a search for planets found in them. ", h("a", { href: address(["tour"]) }, "The tour"), " shows in ten steps how a planet is found."),
    h(
      "form",
      { class: "find", onsubmit: (event: Event) => (event.preventDefault(), go(list)) },
      h("label", { class: "field" }, h("span", {}, "Name or number"), name),
      h("fieldset", {}, h("legend", {}, "Candidates of the search"), ...field("candidate"), choice("Disposition", [["", "any"], ["CANDIDATE", "candidate"], ["FALSE POSITIVE", "false positive"]], disposition, (value) => (disposition = value))),
      h("fieldset", {}, h("legend", {}, "Stars"), ...field("star"), choice("Known as", [["", "anything"], ["CONFIRMED", "confirmed"], ["CANDIDATE", "candidate"], ["FALSE POSITIVE", "false positive"]], known, (value) => (known = value))),
      h(
        "div",
        { class: "controls" },
        h("button", { type: "button", class: "main", onclick: () => go("candidates") }, "Find candidates"),
        h("button", { type: "button", onclick: () => go("stars") }, "Find stars"),
        h("button", { type: "button", onclick: () => void randomly() }, "One at random"),
        h("button", { type: "submit", class: "unseen", tabindex: -1 }, "Find"),
      ),
    ),
    h("p", { class: "small" }, "For example: ", ...EXAMPLES.flatMap(([words, given], i) => [i ? " · " : "", h("a", { href: address(["find"], given) }, words)])),
    wait,
    result,
  );
  // What was asked by the address is not shown any more once somebody types.
  const typing = new AbortController();
  const untilTyped = AbortSignal.any([signal, typing.signal]);
  suggest(name, wait, result, signal, () => typing.abort());

  const wanted = wantedOf(query);
  const words = list === "stars" ? "Looking for stars …" : "Looking for candidates …";
  const found = await waiting(wait, words, untilTyped, () => (list === "stars" ? findStars : findCandidates)(wanted, untilTyped));
  if (found) fill(result, ...shown(list, found));
}

function wantedOf(query: URLSearchParams): Wanted {
  const ranges: Wanted["ranges"] = {};
  for (const key of Object.keys(RANGES)) {
    const [low = "", high = ""] = (query.get(key) ?? "").split("..");
    ranges[key] = [low === "" ? Number.NaN : Number(low), high === "" ? Number.NaN : Number(high)];
  }
  return { name: query.get("name") ?? "", ranges, disposition: query.get("disposition") ?? "", known: query.get("known") ?? "" };
}

const SUGGEST_AFTER_MS = 250; // chosen: faster than that nobody has finished a word
const SUGGEST_FROM = 3; // characters; of fewer there are too many stars

/** While a name is typed, show the stars whose name begins so. */
function suggest(name: HTMLInputElement, wait: HTMLElement, result: HTMLElement, signal: AbortSignal, begun: () => void): void {
  let timer: ReturnType<typeof setTimeout>;
  let asked: AbortController | undefined;
  name.addEventListener("input", () => {
    clearTimeout(timer);
    asked?.abort();
    const text = name.value.trim();
    if (text.length < SUGGEST_FROM) {
      // Until something was asked for a name, what is awaited is what the address asks.
      if (asked) fill(wait);
      return;
    }
    timer = setTimeout(async () => {
      begun();
      asked = new AbortController();
      const either = AbortSignal.any([signal, asked.signal]);
      const wanted: Wanted = { name: text, ranges: {}, disposition: "", known: "" };
      const found = await waiting(wait, "Looking for stars …", either, () => findStars(wanted, either));
      if (found) fill(result, ...shown("stars", found, text));
    }, SUGGEST_AFTER_MS);
  }, { signal });
}

function shown(list: string, { rows, all }: Rows, beginning?: string): HTMLElement[] {
  if (!rows.length) {
    const what = beginning ? `No star here has a name or number that begins with “${beginning}”.` : `There are no such ${list}.`;
    return [h("p", { role: "status" }, what, " Widen what is asked, or leave fields empty: only stars that were imported are here.")];
  }
  const words = `${all.toLocaleString("en")} ${all === 1 ? list.replace(/s$/, "") : list}${all > rows.length ? `, the first ${MOST_ROWS.toLocaleString("en")} of which are shown: ask for less to see the others` : ""}`;
  return [h("p", { role: "status" }, words), sortedTable(list === "stars" ? "Stars" : "Candidates", list === "stars" ? STARS : CANDIDATES, rows)];
}

const number = (text: string | undefined) => (text ? Number(text) : undefined);
const list = (row: Row) => (row.tags["planets"] ?? row.tags["kois"] ?? "").split(",");
/** Kepler-11 b, c, d: the host's name once. */
const planets = (row: Row) => list(row).map((name, i, all) => (i && host(name) === host(all[i - 1]!) ? name.slice(host(name).length).trim() : name)).join(", ");
const host = (name: string) => name.replace(/( [a-z]|\.\d+)$/, "");
const hosts = (row: Row) => [...new Set(list(row).map(host))].join(", ");

const STARS: Column<Row>[] = [
  { name: "kepid", heading: "Star", unit: "", ucd: "meta.id;meta.main", about: "KIC or EPIC number", value: (row) => row.star, link: (row) => address(["star", row.star]) },
  { name: "names", heading: "Planets, KOI", unit: "", ucd: "meta.id", about: "Names of its planets, else of its Kepler Objects of Interest", value: (row) => planets(row) || undefined },
  { name: "disposition", heading: "Known as", unit: "", ucd: "meta.code.status", about: "The best disposition in the tables of the Exoplanet Archive", value: (row) => row.tags["disposition"]?.toLowerCase() },
  { name: "candidates", heading: "Planets and candidates", unit: "", ucd: "meta.number", about: "How many of its signals are planets or candidates in those tables", value: (row) => number(row.tags["candidates"]) },
  { name: "teff", heading: "Temperature", unit: "K", ucd: "phys.temperature.effective", about: "Effective temperature of the star", value: (row) => number(row.tags["teff"]) },
  { name: "radius", heading: "Radius", unit: "R☉", ucd: "phys.size.radius", about: "Radius of the star", value: (row) => number(row.tags["radius"]) },
  { name: "mission", heading: "Mission", unit: "", ucd: "instr.obsty", about: "Kepler, K2 or Simulation", value: (row) => row.mission || undefined },
];

const CANDIDATES: Column<Row>[] = [
  { name: "kepid", heading: "Star", unit: "", ucd: "meta.id;meta.main", about: "KIC or EPIC number", value: (row) => row.star, link: (row) => address(["star", row.star], { candidate: String(row.number) }) },
  { name: "tce_plnt_num", heading: "No.", unit: "", ucd: "meta.id.part", about: "Number of the candidate", value: (row) => row.number },
  { name: "tce_period", heading: "Period", unit: "d", ucd: "time.period", about: "Time from transit to transit", value: (row) => number(row.candidate["period"]), words: (row) => Number(row.candidate["period"]).toFixed(4) },
  { name: "tce_time0bk", heading: "Epoch", unit: "d", ucd: "time.epoch", about: "Middle of a transit, BKJD = BJD(TDB) - 2454833", value: (row) => number(row.candidate["epoch"]), words: (row) => Number(row.candidate["epoch"]).toFixed(3) },
  { name: "tce_duration", heading: "Duration", unit: "h", ucd: "time.duration", about: "From first to fourth contact", value: (row) => number(row.candidate["duration"]), words: (row) => Number(row.candidate["duration"]).toFixed(1) },
  { name: "tce_depth", heading: "Depth", unit: "ppm", about: "Missing light in the middle of the transit, parts per million", value: (row) => number(row.candidate["depth"]), words: (row) => Number(row.candidate["depth"]).toFixed(0) },
  { name: "tce_model_snr", heading: "SNR", unit: "", ucd: "stat.snr", about: "Depth over its error", value: (row) => number(row.candidate["snr"]), words: (row) => Number(row.candidate["snr"]).toFixed(1) },
  { name: "tce_prad", heading: "Radius", unit: "R⊕", ucd: "phys.size.radius", about: "Radius of the planet, where that of the star is known", value: (row) => number(row.candidate["radius"]), words: (row) => (row.candidate["radius"] ? Number(row.candidate["radius"]).toFixed(2) : "–") },
  { name: "score", heading: "Score", unit: "", ucd: "stat.probability", about: "Calibrated probability that it is a planet", value: (row) => number(row.candidate["score"]), words: (row) => (row.candidate["score"] ? Number(row.candidate["score"]).toFixed(3) : "–") },
  { name: "disposition", heading: "Disposition", unit: "", ucd: "meta.code.status", about: "Of the vetting", value: (row) => row.candidate["disposition"]?.toLowerCase() },
  { name: "host", heading: "Name", unit: "", ucd: "meta.id", about: "Name of the star whose planets the Exoplanet Archive has, else its KOI", value: (row) => hosts(row) || undefined },
  { name: "teff", heading: "Temperature", unit: "K", ucd: "phys.temperature.effective", about: "Effective temperature of the star", value: (row) => number(row.tags["teff"]) },
];
