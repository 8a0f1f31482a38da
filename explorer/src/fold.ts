// The light curve folded at a candidate's period, or at any that is typed.

import type uPlot from "uplot";
import type { Source } from "./curve_types";
import { check, choice, fill, h } from "./dom";
import { type Bin, type Ephemeris, type Flat, type Folded, bins, depth, fetchFlat, fold, multiple } from "./fold_data";
import { Plot } from "./plot";
import type { Candidate } from "./star_data";
import { colour } from "./theme";
import { type Shape, impactOf, model } from "./transit";
import { waiting } from "./wait";

const TRENDS = [
  ["0.75", "0.75 d"],
  ["1.5", "1.5 d"],
  ["3", "3 d"],
  ["6", "6 d"],
] as const;
const TREND_DURATIONS = 3; // a moving median of three durations leaves a transit as it is (chosen)
const BINS = [
  ["", "eighth of duration"],
  ["10", "10 min"],
  ["30", "30 min"],
  ["60", "60 min"],
  ["240", "4 h"],
] as const;
const AROUND = 3; // durations on each side of a transit
const NUDGE = 0.1; // of a duration, by which a step of the period moves the last transit

interface Given {
  period: number;
  epoch: number;
  candidate: Candidate | undefined;
}

export class FoldPanel {
  readonly element = h("div", {});
  private readonly box = h("div", { class: "curve" });
  private readonly wait = h("div", { class: "waits" });
  private readonly words = h("p", { class: "small", role: "status" });
  private readonly period: HTMLInputElement;
  private readonly epoch: HTMLInputElement;
  private readonly duration: HTMLInputElement;
  private readonly heading = h("h2", {}, "Fold");
  private readonly on = { parity: false, errors: true, model: true, others: true, late: true };
  private binMinutes = "";
  private trend = "1.5";
  private flat: Flat | undefined;
  /** The candidate that is folded as it was found. */
  private candidate: Candidate | undefined;
  /** The candidate that was folded last, from which the typing began. */
  private begun: Candidate | undefined;
  private ephemeris: Ephemeris;
  private whole = false;
  /** Whether what was typed last can be folded at. */
  private valid = true;
  private drawn: AbortController | undefined;
  private loading: AbortController | undefined;
  private bins: Bin[] = [];

  constructor(
    private readonly source: Source,
    private readonly candidates: Candidate[],
    private readonly signal: AbortSignal,
    private readonly noted: (changes: Record<string, string | undefined>) => void,
    given: Given,
  ) {
    const typed = (label: string, step: string) =>
      h("input", { type: "number", step, "aria-label": label, oninput: () => this.typed() });
    this.period = typed("Period in days", "any");
    this.epoch = typed("Epoch in BKJD, days", "any");
    this.duration = typed("Duration in hours", "any");
    this.ephemeris = {
      period: given.period > 0 ? given.period : 10,
      epoch: Number.isFinite(given.epoch) ? given.epoch : 131.5,
      duration: 5,
      late: [],
    };
    if (given.candidate) this.take(given.candidate);
    else this.write();
    this.lay();
  }

  private lay(): void {
    const other = this.source.mode !== "long cadence" && h("p", { class: "small" }, `Long cadence is folded, not the ${this.source.mode} that is drawn above.`);
    fill(this.element, this.heading, this.controls(), other, this.words, this.box, this.wait);
  }

  async load(): Promise<void> {
    const words = "Loading the whole light curve without its trend …";
    this.loading?.abort();
    this.loading = new AbortController();
    const signal = AbortSignal.any([this.signal, this.loading.signal]);
    const flat = await waiting(this.wait, words, signal, () => fetchFlat(this.source, Number(this.trend), signal));
    if (signal.aborted) return;
    this.flat = flat;
    this.draw();
  }

  /** Fold a candidate. */
  choose(candidate: Candidate): void {
    const before = this.trend;
    this.take(candidate);
    if (this.trend === before) this.draw();
    else {
      this.lay();
      void this.load();
    }
  }

  private take(candidate: Candidate): void {
    this.valid = true;
    this.candidate = this.begun = candidate;
    const { period, epoch, duration, late } = candidate;
    this.ephemeris = { period, epoch, duration, late };
    const needed = (TREND_DURATIONS * duration) / 24;
    this.trend = TRENDS.find(([width]) => Number(width) >= Math.max(needed, 1.5))?.[0] ?? "6";
    this.write();
  }

  private write(): void {
    this.period.value = String(Number(this.ephemeris.period.toFixed(6)));
    this.epoch.value = String(Number(this.ephemeris.epoch.toFixed(4)));
    this.duration.value = String(Number(this.ephemeris.duration.toFixed(2)));
  }

  /** Somebody typed: the fold is not that of a candidate as it was found. */
  private typed(): void {
    const [period, epoch, duration] = [this.period, this.epoch, this.duration].map((box) => Number(box.value)) as [number, number, number];
    for (const [box, right] of [[this.period, period > 0], [this.duration, duration > 0]] as const) {
      box.setCustomValidity(right ? "" : "Greater than 0, please.");
      box.setAttribute("aria-invalid", String(!right));
    }
    this.valid = period > 0 && duration > 0 && Number.isFinite(epoch);
    if (!this.valid) {
      this.words.textContent = "Period and duration are numbers greater than 0.";
      return;
    }
    this.candidate = undefined;
    this.ephemeris = { period, epoch, duration: Math.min(duration, period * 12), late: [] };
    this.draw();
    this.noted({ period: String(period), epoch: String(epoch), candidate: undefined });
  }

  private scale(factor: number): void {
    this.period.value = String(Number((this.ephemeris.period * factor).toFixed(6)));
    this.typed();
  }

  private nudge(way: number): void {
    const { period, duration } = this.ephemeris;
    const span = this.flat ? (this.flat.time.at(-1) ?? 0) - (this.flat.time[0] ?? 0) : 1400;
    this.scale(1 + (way * NUDGE * (duration / 24)) / Math.max(span, period));
  }

  private controls(): HTMLElement {
    const button = (words: string, title: string, act: () => void) =>
      h("button", { type: "button", class: "tool", title, "aria-label": /[a-z]/.test(words) ? undefined : title, onclick: act }, words);
    const redraw = (name: keyof typeof this.on) => (value: boolean) => {
      this.on[name] = value;
      this.draw();
    };
    return h(
      "div",
      { class: "controls" },
      h("label", { class: "field" }, h("span", {}, "Period [d]"), this.period),
      h(
        "span",
        { class: "group" },
        button("◂", "Period a little shorter", () => this.nudge(-1)),
        button("▸", "Period a little longer", () => this.nudge(1)),
        button("half", "Half the period", () => this.scale(0.5)),
        button("double", "Twice the period", () => this.scale(2)),
      ),
      h("label", { class: "field" }, h("span", {}, "Epoch [BKJD]"), this.epoch),
      h("label", { class: "field" }, h("span", {}, "Duration [h]"), this.duration),
      choice("Bins", BINS, this.binMinutes, (value) => {
        this.binMinutes = value;
        this.draw();
      }),
      choice("Trend", TRENDS, this.trend, (value) => {
        this.trend = value;
        void this.load();
      }),
      choice("Show", [["", "the transit"], ["whole", "the whole period"]], this.whole ? "whole" : "", (value) => {
        this.whole = value === "whole";
        this.draw();
      }),
      check("odd and even", this.on.parity, redraw("parity")),
      check("errors", this.on.errors, redraw("errors")),
      check("model", this.on.model, redraw("model")),
      this.candidates.length > 0 && check("without other candidates", this.on.others, redraw("others")),
      this.candidates.some((one) => one.late.length > 0) && check("transits as late as measured", this.on.late, redraw("late")),
    );
  }

  private draw(): void {
    if (!this.flat || !this.valid) return;
    const ephemeris = this.on.late ? this.ephemeris : { ...this.ephemeris, late: [] };
    const { period, duration } = ephemeris;
    const folded = fold(this.flat, ephemeris, this.on.others ? this.others() : []);
    const width = this.binMinutes ? Number(this.binMinutes) / 60 : Math.max(duration / 8, 0.25);
    this.bins = bins(folded, width);
    const found = depth(folded, duration);
    const shape = this.shape(found.depth);
    this.heading.textContent = this.candidate ? `Fold of candidate ${this.candidate.number}` : "Fold at a typed period";
    this.words.textContent = Number.isFinite(found.depth)
      ? `Depth of the middle half: ${found.depth.toFixed(0)} ± ${found.error.toFixed(0)} ppm (${(found.depth / found.error).toFixed(1)} deviations), ${found.inside} points.`
      : "There are no points in the middle of this transit.";
    const half = period * 12;
    const near = Math.min(AROUND * duration, half);
    this.drawn?.abort();
    this.drawn = new AbortController();
    const signal = AbortSignal.any([this.signal, this.drawn.signal]);
    const plot = this.plot(folded, width, shape, half, signal, this.whole ? half : near);
    fill(this.box, plot.element, this.on.parity && legend());
    this.box.dataset["period"] = String(period);
  }

  /** The candidates whose transits are left out; at a typed period none that may be the one that is looked for. */
  private others(): Candidate[] {
    const { candidate, begun, ephemeris } = this;
    return candidate
      ? this.candidates.filter((one) => one !== candidate && Math.abs(one.period / ephemeris.period - 1) > 1e-3)
      : this.candidates.filter((one) => one !== begun && !multiple(one.period, ephemeris.period));
  }

  private shape(measured: number): Shape | undefined {
    if (!this.on.model) return undefined;
    const { candidate, ephemeris } = this;
    if (!candidate) return measured > 0 ? { depth: measured, duration: ephemeris.duration, impact: 0 } : undefined;
    const flank = Number(candidate.known["shape.figure"] ?? 0);
    return { depth: candidate.depth, duration: candidate.duration, impact: impactOf(flank) };
  }

  private plot(folded: Folded, width: number, shape: Shape | undefined, half: number, signal: AbortSignal, shown: number): Plot {
    const { parity } = this.on;
    const sets: [Bin[], "ink" | "odd" | "even"][] = parity
      ? [[bins(folded, width, 1), "odd"], [bins(folded, width, 0), "even"]]
      : [[this.bins, "ink"]];
    const curve = shape ? modelPoints(shape, half) : [];
    const data = columns(folded, sets.map(([set]) => set), curve);
    const dots = (name: "point" | "ink" | "odd" | "even", size: number): uPlot.Series => ({
      stroke: () => colour(name),
      paths: () => null,
      points: { show: true, size, width: 0, fill: () => colour(name), stroke: () => colour(name) },
    });
    // A whole period seldom has a bin for itself at a pixel: many points are small ones.
    const many = folded.hours.length > 20_000;
    const [low, high] = extent(folded, this.bins, shown, shape);
    return new Plot(
      {
        label: `Star ${this.source.star} folded at ${this.ephemeris.period} days`,
        height: (wide) => Math.round(Math.min(Math.max(wide * 0.5, 280), 440)),
        x: "time from the middle of the transit [hours]",
        y: "relative flux [ppm]",
        whole: { from: -half, to: half },
        series: [dots("point", many ? 2 : 3), ...sets.map(([, name]) => dots(name, 6)), { stroke: () => colour("model"), width: 1.5, points: { show: false }, spanGaps: true }],
        range: () => [low, high],
        draw: (drawn) => this.on.errors && errorBars(drawn, sets),
        readout: (x) => {
          if (x === undefined) return this.legend();
          const bin = this.bins.reduce<Bin | undefined>((a, b) => (!a || Math.abs(b.hours - x) < Math.abs(a.hours - x) ? b : a), undefined);
          return bin ? `${x.toFixed(2)} h · bin ${bin.flux.toFixed(0)} ± ${bin.error.toFixed(0)} ppm, ${bin.count} points` : `${x.toFixed(2)} h`;
        },
        table: () => ({
          columns: ["hours from the middle", "mean flux [ppm]", "error [ppm]", "points"],
          rows: this.bins.map((bin) => [bin.hours.toFixed(3), bin.flux.toFixed(1), bin.error.toFixed(1), bin.count]),
        }),
      },
      data as unknown as uPlot.AlignedData,
      signal,
      { from: -shown, to: shown },
    );
  }

  private legend(): string {
    const parts = ["each point", this.on.parity ? "means of odd and of even transits" : "means of bins"];
    if (this.on.model) parts.push("model of a transit");
    return parts.join(" · ");
  }
}

function legend(): HTMLElement {
  const entry = (name: "odd" | "even") => {
    const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = `var(--${name})`;
    return h("li", {}, swatch, `${name} transits`);
  };
  return h("ul", { class: "legend" }, entry("odd"), entry("even"));
}

/** Instants of the model: close within the transit, and the far ends. */
function modelPoints(shape: Shape, half: number): [number, number][] {
  const points: [number, number][] = [[-half, 0]];
  const reach = Math.min(0.5 * shape.duration + 0.5, half);
  const steps = 160; // chosen: smooth at twice the pixels
  for (let i = 0; i <= steps; i += 1) {
    const hours = -reach + (2 * reach * i) / steps;
    points.push([hours, model(hours, shape)]);
  }
  points.push([half, 0]);
  return points;
}

/** One x axis for points, bins and model. */
function columns(folded: Folded, sets: Bin[][], curve: [number, number][]): (number | null)[][] {
  const width = sets.length + 3;
  const rows: [number, number, number][] = [];
  folded.hours.forEach((hours, i) => rows.push([hours, 1, folded.flux[i] ?? 0]));
  sets.forEach((set, k) => set.forEach((bin) => rows.push([bin.hours, 2 + k, bin.flux])));
  curve.forEach(([hours, flux]) => rows.push([hours, 2 + sets.length, flux]));
  rows.sort((a, b) => a[0] - b[0]);
  const made: (number | null)[][] = Array.from({ length: width }, () => new Array<number | null>(rows.length).fill(null));
  rows.forEach(([x, column, y], i) => {
    made[0]![i] = x;
    made[column]![i] = y;
  });
  return made;
}

/** What y shows: the middle 99 % of the points, and all bins and the model. */
function extent(folded: Folded, set: Bin[], shown: number, shape: Shape | undefined): [number, number] {
  const near = [...folded.flux].filter((_, i) => Math.abs(folded.hours[i] ?? 0) < shown).sort((a, b) => a - b);
  const binned = set.filter((bin) => Math.abs(bin.hours) < shown).map((bin) => bin.flux);
  const low = Math.min(near[Math.floor(near.length * 0.005)] ?? -100, ...binned, -(shape?.depth ?? 0));
  const high = Math.max(near[Math.floor(near.length * 0.995)] ?? 100, ...binned, 0);
  const margin = 0.1 * (high - low || 1);
  return [low - margin, high + margin];
}

function errorBars(plot: uPlot, sets: [Bin[], "ink" | "odd" | "even"][]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.lineWidth = devicePixelRatio;
  for (const [set, name] of sets) {
    ctx.strokeStyle = colour(name);
    ctx.beginPath();
    for (const bin of set) {
      if (!Number.isFinite(bin.error)) continue;
      const x = plot.valToPos(bin.hours, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.moveTo(x, plot.valToPos(bin.flux - bin.error, "y", true));
      ctx.lineTo(x, plot.valToPos(bin.flux + bin.error, "y", true));
    }
    ctx.stroke();
  }
  ctx.restore();
}
