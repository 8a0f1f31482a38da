// What else happened at an instant, of this star and of the spacecraft.

import type { Source } from "./curve_types";
import { hasQuarters } from "./curve_data";
import { fill, h } from "./dom";
import { nearest } from "./fold_data";
import { fetchFlags, flagWords } from "./quality";
import type { Star } from "./star_data";
import { QUARTER_EDGES, bkjdOf, date, quarterAt, tickOf } from "./time";
import { waiting } from "./wait";
import { type Series, exec, quoted } from "./warp10";

const NEAR_DAYS = 1; // on both sides (chosen: transits last up to a day)

export class MomentPanel {
  readonly element = h("div", { class: "moment" });
  private readonly list = h("div", { "aria-live": "polite" });
  private readonly wait = h("div", { class: "waits" });
  private readonly box = h("input", { type: "number", step: "any", "aria-label": "Instant, BKJD in days", required: true });
  private asked: AbortController | undefined;

  constructor(
    private readonly source: Source,
    private readonly star: Star,
    private readonly signal: AbortSignal,
  ) {
    fill(
      this.element,
      h("h2", {}, "What else happened at this time?"),
      h(
        "form",
        {
          class: "controls",
          onsubmit: (event: Event) => {
            event.preventDefault();
            this.show(Number(this.box.value));
          },
        },
        h("label", { class: "field" }, h("span", {}, "BKJD [d]"), this.box),
        h("button", { type: "submit" }, "Look"),
        h("span", { class: "small" }, "or click the light curve"),
      ),
      this.list,
      this.wait,
    );
  }

  show(bkjd: number): void {
    this.box.value = bkjd.toFixed(3);
    void this.look(bkjd);
  }

  private async look(bkjd: number): Promise<void> {
    this.asked?.abort();
    this.asked = new AbortController();
    const signal = AbortSignal.any([this.signal, this.asked.signal]);
    const more = await waiting(this.wait, "Looking …", signal, () => this.fetch(bkjd, signal));
    if (!more) return;
    const said = [...this.known(bkjd), ...more];
    fill(
      this.list,
      h("p", { class: "small" }, `BKJD ${bkjd.toFixed(3)}, ${date(bkjd)} TDB, and a day before and after:`),
      said.length ? h("ul", {}, ...said.map((words) => h("li", {}, words))) : h("p", {}, "Nothing that is known here."),
    );
  }

  private known(bkjd: number): string[] {
    const said: string[] = [];
    const { star } = this;
    if (hasQuarters(star.number)) {
      const edge = QUARTER_EDGES.find((start) => Math.abs(start - bkjd) < NEAR_DAYS);
      const quarter = quarterAt(bkjd);
      if (edge !== undefined) said.push(`Quarter ${quarterAt(edge)} begins, and the spacecraft has turned by 90°.`);
      else if (quarter >= 0) said.push(`It is in quarter ${quarter}.`);
    }
    for (const one of star.candidates) {
      const observed = one.transits.find((time) => Math.abs(time - bkjd) < NEAR_DAYS);
      const hours = nearest(bkjd, one)[1];
      if (observed !== undefined) said.push(`Candidate ${one.number} transits at BKJD ${observed.toFixed(3)}.`);
      else if (Math.abs(hours) < 24 * NEAR_DAYS) {
        said.push(`Candidate ${one.number} would transit at BKJD ${(bkjd - hours / 24).toFixed(3)}, but was not observed.`);
      }
    }
    for (const [time, depth] of star.search?.lone ?? []) {
      if (Math.abs(time - bkjd) < NEAR_DAYS) said.push(`A single dip of ${depth} ppm at BKJD ${time.toFixed(2)}, which fits no period.`);
    }
    for (const [first, second, depth] of star.search?.pairs ?? []) {
      if (Math.min(Math.abs(first - bkjd), Math.abs(second - bkjd)) < NEAR_DAYS) {
        said.push(`One of two dips that are alike: ${depth} ppm at BKJD ${first.toFixed(2)} and ${second.toFixed(2)}.`);
      }
    }
    return said;
  }

  private async fetch(bkjd: number, signal: AbortSignal): Promise<string[]> {
    const window = { from: bkjd - NEAR_DAYS, to: bkjd + NEAR_DAYS };
    const script = `
[ @HELLOEXOWORLD/GETREADTOKEN 'transit.dip' { 'KEPLERID' ${quoted(this.star.number)} } ${tickOf(window.to)} ${tickOf(window.to) - tickOf(window.from)} ] FETCH`;
    const hasFlags = this.star.heads.some((head) => head.classname === "sap.quality");
    const [[dips], flags] = await Promise.all([
      exec(script, signal) as Promise<[Series[]]>,
      hasFlags ? fetchFlags(this.star.number, this.source.mode, window, signal) : [],
    ]);
    const said = dips.flatMap((series) => series.v).map(([tick]) => `The server's own watch saw a dip at BKJD ${bkjdOf(tick).toFixed(3)}.`);
    const times = new Map<string, number[]>();
    for (const { time, flags: bits } of flags) {
      for (const words of flagWords(bits)) times.set(words, [...(times.get(words) ?? []), time]);
    }
    for (const [words, at] of times) {
      said.push(`Quality of the file: ${words}, ${at.length === 1 ? "" : `${at.length} cadences from `}BKJD ${at[0]!.toFixed(3)}.`);
    }
    return said;
  }
}
