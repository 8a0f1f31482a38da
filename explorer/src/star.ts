// The page of a star: its light curve, and below it what was found in it.

import { CurvePlot } from "./curve";
import { fetchCurve, widened } from "./curve_data";
import type { Curve, CurveState, Source } from "./curve_types";
import { choice, fill, h } from "./dom";
import { FoldPanel } from "./fold";
import { MomentPanel } from "./moment";
import { Problem, problem } from "./problem";
import type { Window } from "./plot";
import { fetchFlags } from "./quality";
import { type Route, address, note } from "./route";
import { findStars, ofName } from "./find_data";
import { type Star, fetchStar } from "./star_data";
import { candidateTable, searchWords, starFacts } from "./star_words";
import { vettingPanel } from "./vetting";
import { notice, waiting } from "./wait";

const CLASSES = [
  ["pdcsap.flux", "PDCSAP (corrected)"],
  ["sap.flux", "SAP (as measured)"],
] as const;
const MODES = [
  ["long", "long, 30 min"],
  ["short", "short, 1 min"],
] as const;
const UNITS = [
  ["", "relative"],
  ["e", "electrons/s"],
] as const;

export async function starView(root: HTMLElement, route: Route, signal: AbortSignal): Promise<void> {
  const typed = route.path[1] ?? "";
  const number = /^(?:KIC|EPIC)?[\s_-]*0*(\d{1,9})$/i.exec(typed)?.[1];
  if (number === undefined) return byName(root, typed, route, signal);
  await new StarPage(root, number, route.query, signal).show();
}

/** Go to the star that has a name, or say which ones begin so. */
async function byName(root: HTMLElement, typed: string, route: Route, signal: AbortSignal): Promise<void> {
  const box = h("div", {});
  fill(root, h("h1", {}, typed), box);
  const wanted = { name: typed, ranges: {}, disposition: "", known: "" };
  const rows = await waiting(box, `Looking for ${typed} …`, signal, () => findStars(wanted, signal));
  if (!rows) return;
  const exact = ofName(rows.rows, typed);
  const found = exact.length ? exact : rows.rows;
  if (found.length === 1) return location.replace(address(["star", found[0]!.star], Object.fromEntries(route.query)));
  fill(
    box,
    notice(
      found.length
        ? new Problem(`${found.length} stars have a name that begins with ${typed}.`, "Choose one:")
        : new Problem(`No star here is called ${typed}.`, "Give its KIC or EPIC number, or look at what is there:"),
    ),
    h("ul", {}, ...found.map(({ star, tags }) => h("li", {}, h("a", { href: address(["star", star]) }, star), ` ${(tags["planets"] ?? tags["kois"] ?? "").split(",").join(", ")}`))),
    h("p", {}, h("a", { href: address(["find"]) }, "Find a star")),
  );
}

class StarPage {
  private readonly source: Source;
  private readonly state: CurveState;
  private readonly title: HTMLHeadingElement;
  private readonly facts = h("div", { class: "facts" });
  private readonly controls = h("div", { class: "controls" });
  private readonly wait = h("div", { class: "waits" });
  private readonly status = h("span", { class: "status", role: "status" });
  private readonly doubts = h("div", { class: "waits" });
  private readonly curveBox = h("div", { class: "curve", "aria-busy": "true" });
  private readonly below = h("div", { class: "below" });
  private curve: CurvePlot | undefined;
  private moment: MomentPanel | undefined;
  private flagging: AbortController | undefined;
  private star: Star | undefined;
  /** Whether all points have come, or do not come. */
  private come = false;
  /** What the address carries, or will in a moment. */
  private noted: Record<string, string | undefined>;

  constructor(
    private readonly root: HTMLElement,
    private readonly number: string,
    private readonly query: URLSearchParams,
    private readonly signal: AbortSignal,
  ) {
    this.source = {
      star: number,
      classname: query.get("class") === "sap.flux" ? "sap.flux" : "pdcsap.flux",
      mode: query.get("mode") === "short" ? "short cadence" : "long cadence",
    };
    this.state = { relative: query.get("unit") !== "e", candidates: [], marked: new Set(), flagged: [] };
    this.title = h("h1", {}, `Star ${number}`);
    this.noted = Object.fromEntries(query);
  }

  private note(changes: Record<string, string | undefined>): void {
    this.noted = { ...this.noted, ...changes };
    note(changes);
  }

  async show(): Promise<void> {
    const { root, signal, source } = this;
    document.title = `Star ${this.number}`;
    fill(root, h("header", { class: "star-head" }, this.title, this.facts), this.controls, this.curveBox, this.wait, this.below);
    const buckets = Math.min(Math.max(root.clientWidth, 400), 1600);
    let drawn: (early: Curve) => void;
    const early = new Promise<Curve>((resolve) => (drawn = resolve));
    const curve = waiting(this.wait, "Loading the light curve …", signal, () =>
      fetchCurve(source, buckets, signal, undefined, (part) => {
        this.drawCurve(part);
        drawn(part);
      }),
    ).then((whole) => {
      this.come = true;
      if (whole?.points) this.drawCurve(whole);
      else if (!signal.aborted && "sample" in this.curveBox.dataset) this.status.textContent = this.sampled();
      this.curveBox.removeAttribute("aria-busy");
      requestAnimationFrame(() => performance.mark("curve whole"));
      return whole;
    });
    const star = await waiting(this.below, "Loading what is known of the star …", signal, () => fetchStar(this.number, signal));
    if (!star) return;
    if (!star.heads.length) return this.unknown();
    const there = this.there(star);
    if (there) return location.replace(address(["star", this.number], { ...Object.fromEntries(this.query), ...there }));
    this.describe(star);
    const first = await Promise.race([early, curve]);
    if (!first) return;
    if (!first.points) return this.elsewhere(star);
    this.found(star);
  }

  private sampled(): string {
    return this.come ? "Sample" : "Sample …";
  }

  private drawCurve(whole: Curve): void {
    if (this.signal.aborted) return;
    const sampled = "sample" in this.curveBox.dataset;
    if (whole.sample) {
      this.curveBox.dataset["sample"] = "";
      // In place of the words that something loads.
      fill(this.wait);
      this.status.textContent = this.sampled();
    } else if (sampled) {
      delete this.curveBox.dataset["sample"];
      this.status.textContent = "Complete";
    }
    if (this.curve) {
      this.curve.grow(whole);
      this.curveBox.dataset["drawn"] = String(whole.points);
      return;
    }
    const { query } = this;
    const [from, to] = [Number(query.get("from") ?? Number.NaN), Number(query.get("to") ?? Number.NaN)];
    const window: Window | undefined = to > from ? { from, to } : undefined;
    this.curve = new CurvePlot(this.source, whole, this.state, this.signal, {
      moved: (moved) => this.note({ from: moved?.from.toFixed(4), to: moved?.to.toFixed(4) }),
      loading: () => {
        this.status.textContent = "Loading points …";
        this.curveBox.setAttribute("aria-busy", "true");
      },
      shown: (curve, began) => {
        requestAnimationFrame(() => performance.measure("points drawn", { start: began }));
        this.status.textContent = curve.sample ? this.sampled() : "";
        fill(this.wait);
        if (!curve.sample || this.come) this.curveBox.removeAttribute("aria-busy");
        this.curveBox.dataset["points"] = String(curve.far ? 0 : curve.points);
        void this.flags(curve.far);
      },
      failed: (error) => {
        this.status.textContent = "";
        fill(this.wait, notice(problem(error)));
      },
      picked: (bkjd) => this.moment?.show(bkjd),
    }, window);
    fill(this.curveBox, this.curve.plot.element, this.status, this.doubts);
    // uPlot draws before the next frame; benchmarks/explorer.py reads the marks.
    requestAnimationFrame(() => {
      performance.mark("curve drawn");
      this.curveBox.dataset["drawn"] = String(whole.points);
    });
  }

  /** Near, cadences whose quality the file doubts are marked; where that was not imported, none are. */
  private async flags(far: boolean): Promise<void> {
    const { curve, state } = this;
    this.flagging?.abort();
    fill(this.doubts);
    if (far || !curve || !this.star?.heads.some((head) => head.classname === "sap.quality")) return;
    this.flagging = new AbortController();
    const signal = AbortSignal.any([this.signal, this.flagging.signal]);
    const window = widened(curve.plot.window);
    const found = await waiting(this.doubts, "Loading the quality of the points …", signal, () =>
      fetchFlags(this.number, this.source.mode, window, signal),
    );
    if (!found) return;
    state.flagged = found;
    curve.changed();
  }

  private unknown(): void {
    fill(
      this.below,
      notice(new Problem(`The server has no star ${this.number}.`, "Is the number right? Only stars that were imported are here.")),
      h("p", {}, h("a", { href: address(["find"]) }, "Find a star")),
    );
  }

  /** What the star has in place of what it lacks; nothing where the address names it, or where it is there. */
  private there(star: Star): Record<string, string> | undefined {
    const { source, query } = this;
    const has = series(star).filter(
      (one) => (!query.has("class") || one.classname === source.classname) && (!query.has("mode") || one.mode === source.mode),
    );
    if (!has[0] || has.some((one) => one.classname === source.classname && one.mode === source.mode)) return undefined;
    return has[0].query;
  }

  /** The star is there, but not in this class and cadence. */
  private elsewhere(star: Star): void {
    const { number, source, query } = this;
    const others = series(star);
    fill(
      this.below,
      notice(new Problem(`Star ${number} has no ${source.classname} in ${source.mode}.`, others.length ? "Choose what it has:" : "This page can show nothing else of it.")),
      h("ul", {}, ...others.map((one) =>
        h("li", {}, h("a", { href: address(["star", number], { ...Object.fromEntries(query), ...one.query }) }, `${one.classname}, ${one.mode}`)),
      )),
    );
  }

  private describe(star: Star): void {
    const name = (star.tags["planets"] ?? "").split(",")[0]?.replace(/ [a-z]$/, "");
    const catalogue = star.mission === "K2" ? "EPIC" : star.mission === "Kepler" ? "KIC" : star.mission;
    fill(this.title, name ? `${name} ` : "", h("span", { class: "number" }, `${catalogue} ${this.number}`));
    document.title = name || `${catalogue} ${this.number}`;
    fill(this.facts, ...starFacts(star));
    const modes = MODES.filter(([mode]) => star.heads.some((head) => head.mode.startsWith(mode)));
    const classes = CLASSES.filter(([classname]) => star.heads.some((head) => head.classname === classname));
    const go = (changes: Record<string, string>) => {
      location.hash = address(["star", this.number], { ...this.noted, ...changes });
    };
    fill(
      this.controls,
      choice("Flux", classes, this.source.classname, (value) => go({ class: value })),
      choice("Cadence", modes, this.source.mode.split(" ")[0]!, (value) => go({ mode: value })),
      choice("Brightness", UNITS, this.state.relative ? "" : "e", (value) => go({ unit: value })),
      h("a", { class: "aside", href: address(["ask"], { script: scriptOf(this.source) }) }, "This curve in WarpScript"),
    );
  }

  private found(star: Star): void {
    const { state, query } = this;
    this.star = star;
    state.candidates = star.candidates;
    for (const one of star.candidates) state.marked.add(one.number);
    this.curve?.changed();
    void this.flags(!Number(this.curveBox.dataset["points"]));
    const chosen = star.candidates.find((one) => String(one.number) === query.get("candidate")) ?? star.candidates[0];
    const vetting = h("div", {});
    const { source } = this;
    const long = star.heads.some((head) => head.mode === "long cadence" && head.classname === source.classname);
    const fold = long
      ? new FoldPanel(source, star.candidates, this.signal, (changes) => this.note(changes), {
          period: Number(query.get("period") ?? Number.NaN),
          epoch: Number(query.get("epoch") ?? Number.NaN),
          candidate: query.has("period") ? undefined : chosen,
        })
      : undefined;
    if (chosen) fill(vetting, vettingPanel(star, chosen));
    this.moment = new MomentPanel(this.source, star, this.signal);
    const table = candidateTable(star, chosen, long, {
      marked: (number, on) => {
        if (on) state.marked.add(number);
        else state.marked.delete(number);
        this.curve?.changed();
      },
      chosen: (candidate) => {
        fold?.choose(candidate);
        fill(vetting, vettingPanel(star, candidate));
        this.note({ candidate: String(candidate.number), period: undefined, epoch: undefined });
      },
    });
    fill(
      this.below,
      h(
        "div",
        { class: "column words" },
        h("section", { class: "candidates" }, h("h2", {}, "Candidates"), table, searchWords(star)),
        h("section", { class: "vetting" }, vetting),
      ),
      h("div", { class: "column" }, h("section", { class: "fold" }, fold?.element ?? unfolded(source)), h("section", {}, this.moment.element)),
    );
    void fold?.load();
  }
}

/** The light curves of a star that the page can show, and the part of the address that names each. */
function series(star: Star): { classname: string; mode: string; query: Record<string, string> }[] {
  return CLASSES.flatMap(([classname]) => MODES.map(([mode]) => ({ classname, mode: `${mode} cadence`, query: { class: classname, mode } })))
    .filter((one) => star.heads.some((head) => head.classname === one.classname && head.mode === one.mode));
}

/** What stands in place of the fold, which the server makes of long cadence alone. */
function unfolded({ star, classname }: Source): HTMLElement {
  return h("div", {}, h("h2", {}, "Fold"), h("p", {}, `Only long cadence is folded, and star ${star} has none in ${classname}.`));
}

/** The light curve as anybody would ask for it. */
function scriptOf(source: Source): string {
  return `// All points of star ${source.star}\n[ @HELLOEXOWORLD/GETREADTOKEN '${source.classname}'\n  { 'KEPLERID' '${source.star}' 'OBSMODE' '${source.mode}' } MAXLONG MAXLONG ] FETCH\n`;
}
