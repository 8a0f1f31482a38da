// The light curve of a star: reloaded in the window, quarters told apart, transits marked.

import type uPlot from "uplot";
import { BEYOND, fetchCurve, hasQuarters, renumber, widened } from "./curve_data";
import { drawCampaigns, drawDoubts, drawQuarters, drawTransits, within } from "./curve_marks";
import type { Curve, CurveState, Source } from "./curve_types";
import { Plot, type Window } from "./plot";
import { flagWords } from "./quality";
import { robustRange } from "./spread";
import { colour } from "./theme";
import { campaignAt, date, quarterAt } from "./time";

const RELOAD_AFTER_MS = 60; // chosen: a wheel turns a notch in less
const MOST_BUCKETS = 2000; // chosen: the pixels of a wide screen

/** Columns: time, and smallest, largest, middle for odd quarters and for even ones. */
type Columns = [number[], ...(number | null)[][]];

export class CurvePlot {
  readonly plot: Plot;
  private columns: Columns = empty();
  private shown: Curve;
  private readonly levels = new Map<number, number>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Of the points that are awaited, or that did not come; nothing where all are here. */
  private loading: AbortController | undefined;
  private loaded: Window;
  private asked = 0;
  private readonly all: Window;
  /** The y axis of a sample, for the window that it was drawn in. */
  private held: { from: number; to: number; range: [number, number] } | undefined;

  constructor(
    private readonly source: Source,
    private whole: Curve,
    private readonly state: CurveState,
    private readonly signal: AbortSignal,
    private readonly events: {
      moved: (window: Window | undefined) => void;
      /** Points came, for a window that was asked for at an instant of `performance.now()`. */
      shown: (curve: Curve, began: number) => void;
      failed: (error: unknown) => void;
      loading: () => void;
      picked: (bkjd: number) => void;
    },
    window?: Window,
  ) {
    this.shown = whole;
    this.level(whole);
    const times = whole.pieces.flatMap((piece) => [piece.time[0] ?? 0, piece.time.at(-1) ?? 0]);
    const [first, last] = whole.span ? [whole.span.from, whole.span.to] : [Math.min(...times), Math.max(...times)];
    const margin = Math.max((last - first) * 0.01, 0.1);
    const all = { from: first - margin, to: last + margin };
    this.all = all;
    this.loaded = all;
    this.columns = this.tabular(whole);
    const series = (part: "a" | "b"): uPlot.Series[] => [
      { stroke: "transparent", points: { show: false }, width: 0 },
      { stroke: "transparent", points: { show: false }, width: 0 },
      {
        // Near, the points count, and the line only leads from one to the next.
        stroke: () => colour(this.shown.far ? `quarter-${part}` : `band-${part}`),
        width: 1,
        points: { show: () => !this.shown.far, size: 3, width: 0, fill: () => colour(`quarter-${part}`) },
      },
    ];
    this.plot = new Plot(
      {
        label: `Light curve of star ${source.star}, ${source.classname}, ${source.mode}`,
        height: (width) => Math.round(Math.min(Math.max(width * 0.3, 260), 430)),
        x: "time [BKJD = BJD(TDB) − 2454833, days]",
        y: state.relative ? "relative flux" : "flux [electrons/s]",
        whole: all,
        series: [...series("a"), ...series("b")],
        bands: [
          { series: [2, 1], fill: () => colour("band-a") },
          { series: [5, 4], fill: () => colour("band-b") },
        ],
        axes: [
          {
            side: 0,
            scale: "x",
            size: 22,
            space: 96,
            grid: { show: false },
            values: (_plot, ticks) => ticks.map((tick) => date(tick, this.plot ? width(this.plot.window) > 6 : true)),
          },
        ],
        range: (from, to) => this.range(from, to),
        draw: (drawn) => this.draw(drawn),
        readout: (x, index) => this.readout(x, index),
        moved: (moved) => {
          // First, because a browser refuses to note too many addresses at once.
          this.later();
          events.moved(moved.from <= all.from && moved.to >= all.to ? undefined : moved);
        },
        picked: events.picked,
        key: (key) => this.key(key),
        table: () => this.table(),
      },
      this.columns as uPlot.AlignedData,
      signal,
      window,
    );
    if (window) this.later(0);
  }

  /** Draw anew after the state has changed. */
  changed(): void {
    this.plot.redraw();
  }

  /** More of the whole has come: further parts of it, or all points in place of a sample. */
  grow(whole: Curve): void {
    this.level(whole);
    const replaced = this.shown === this.whole;
    this.whole = whole;
    if (replaced) this.put(whole, this.loaded);
  }

  private put(curve: Curve, window: Window): void {
    this.shown = curve;
    this.loaded = window;
    this.columns = this.tabular(curve);
    this.plot.setData(this.columns as uPlot.AlignedData);
  }

  private level(curve: Curve): void {
    for (const piece of curve.pieces) this.levels.set(piece.number, piece.level);
  }

  private later(ms = RELOAD_AFTER_MS): void {
    clearTimeout(this.timer);
    this.asked = performance.now();
    this.timer = setTimeout(() => void this.reload(), ms);
  }

  private async reload(): Promise<void> {
    // Who was told that points come, or that they do not, is to hear that none are awaited any more.
    let told = this.loading !== undefined;
    this.loading?.abort();
    this.loading = undefined;
    const { from, to } = this.plot.window;
    const everything = from <= this.all.from && to >= this.all.to;
    if (everything && this.shown !== this.whole) {
      this.put(this.whole, this.all);
      told = true;
    }
    const window = widened(this.plot.window);
    const wide = window.from <= this.loaded.from && window.to >= this.loaded.to && this.shown === this.whole;
    const near = !this.shown.far && from >= this.loaded.from && to <= this.loaded.to;
    if (everything || wide || near) {
      // It is here already.
      if (told) this.events.shown(this.shown, this.asked);
      return;
    }
    const loading = new AbortController();
    this.loading = loading;
    this.events.loading();
    const began = this.asked;
    try {
      const buckets = Math.min(Math.round(this.plot.width * (1 + 2 * BEYOND)), MOST_BUCKETS);
      const signal = AbortSignal.any([this.signal, loading.signal]);
      const curve = await fetchCurve(this.source, buckets, signal, window);
      if (signal.aborted) return;
      if (!hasQuarters(this.source.star)) renumber(curve, this.whole);
      this.loading = undefined;
      this.put(curve, window);
      this.events.shown(curve, began);
    } catch (error) {
      if (loading.signal.aborted || this.signal.aborted) return;
      this.events.failed(error);
      this.later(3000);
    }
  }

  private tabular(curve: Curve): Columns {
    const columns = empty();
    const row = (time: number, odd: boolean, low: number | null, high: number | null, middle: number | null) => {
      const [a, b] = [[low, high, middle], [null, null, null]];
      columns[0].push(time);
      [...(odd ? a : b), ...(odd ? b : a)].forEach((value, i) => columns[i + 1]!.push(value!));
    };
    for (const piece of curve.pieces) {
      const by = this.state.relative ? 1 / (this.levels.get(piece.number) ?? piece.level) : 1;
      const odd = piece.number % 2 === 1;
      const apart = 1.5 * (curve.bucket || usualStep(piece.time));
      let before = Number.NaN;
      piece.time.forEach((time, i) => {
        // Where nothing was measured, nothing is drawn.
        if (time - before > apart) row((before + time) / 2, odd, null, null, null);
        const [low, high] = [piece.low[i], piece.high[i]];
        row(time, odd, low === undefined ? null : low * by, high === undefined ? null : high * by, (piece.middle[i] ?? 0) * by);
        before = time;
      });
      if (piece.time.length) row(before + apart / 2, odd, null, null, null);
    }
    return columns;
  }

  private range(from: number, to: number): [number, number] {
    const wanted = this.wanted(from, to);
    const { held } = this;
    if (this.shown.sample) this.held = { from, to, range: wanted };
    // Where the axis that a sample has led to suits all points as well, nothing jumps as they come.
    else if (held?.from === from && held.to === to && suits(held.range, wanted)) return held.range;
    return wanted;
  }

  private wanted(from: number, to: number): [number, number] {
    const wider = this.shown.sample?.widening ?? 1;
    const [time, lowA, highA, middleA, lowB, highB, middleB] = this.columns as [number[], ...(number | null)[][]];
    const lows: number[] = [];
    const highs: number[] = [];
    const middles: number[] = [];
    time.forEach((at, i) => {
      if (at < from || at > to) return;
      const middle = middleA![i] ?? middleB![i];
      if (middle === null || middle === undefined) return;
      middles.push(middle);
      lows.push(middle - ((middle - (lowA![i] ?? lowB![i] ?? middle)) * wider));
      highs.push(middle + (((highA![i] ?? highB![i] ?? middle) - middle) * wider));
    });
    const found = robustRange(lows, highs, middles);
    if (!found) return this.state.relative ? [0.99, 1.01] : [0, 1];
    const [low, high] = found;
    const margin = high - low || Math.abs(high) * 1e-3 || 1;
    // Below is room for the marks of transits, above for the names of quarters.
    return [low - 0.13 * margin, high + 0.11 * margin];
  }

  private draw(plot: uPlot): void {
    // As the plot is made, it has no window yet.
    const window = this.plot?.window ?? { from: plot.scales["x"]!.min!, to: plot.scales["x"]!.max! };
    within(plot, () => {
      if (hasQuarters(this.source.star)) drawQuarters(plot, window, this.levels);
      else drawCampaigns(plot, window, this.shown.pieces);
      drawTransits(plot, window, this.state);
      if (!this.shown.far) drawDoubts(plot, window, this.state.flagged);
    });
  }

  private readout(x: number | undefined, index: number | undefined): string {
    if (x === undefined || index === undefined) {
      const unit = this.shown.bucket < 1 ? `${(this.shown.bucket * 24).toFixed(1)} h` : `${this.shown.bucket.toFixed(2)} d`;
      const { sample, points } = this.shown;
      if (sample) return `a sample of ${points.toLocaleString("en")} points, ${sample.points} of each ${unit}: all are on their way`;
      return this.shown.far
        ? `${this.shown.points.toLocaleString("en")} points: the median of each ${unit} over the band from least to most`
        : `${this.shown.points.toLocaleString("en")} points, each as it was measured`;
    }
    const [time, ...values] = this.columns;
    const at = time[index] ?? x;
    const middle = values[2]?.[index] ?? values[5]?.[index];
    const low = values[0]?.[index] ?? values[3]?.[index];
    const high = values[1]?.[index] ?? values[4]?.[index];
    const quarter = hasQuarters(this.source.star) ? `Q${quarterAt(at)}` : `C${campaignAt(at)}`;
    const number = (value: number) => (this.state.relative ? value.toFixed(5) : value.toFixed(1));
    const flux = middle === undefined || middle === null ? "nothing measured" : number(middle);
    const band = low === undefined || low === null || high === undefined || high === null ? "" : `${number(low)} to ${number(high)}`;
    const flags = this.state.flagged.find((flag) => Math.abs(flag.time - at) < 1e-5)?.flags ?? 0;
    return ["BKJD " + at.toFixed(3), `${date(at)} TDB`, quarter, flux, band, ...flagWords(flags)].filter(Boolean).join("  ·  ");
  }

  /** n and p go to the next and the previous transit of what is marked. */
  private key(key: string): boolean {
    if (key !== "n" && key !== "p") return false;
    const { from, to } = this.plot.window;
    const middle = (from + to) / 2;
    const near = Math.min(to - from, 4);
    const times = this.state.candidates
      .filter((one) => this.state.marked.has(one.number))
      .flatMap((one) => one.transits)
      .filter((time) => (key === "n" ? time > middle + 1e-3 : time < middle - 1e-3));
    if (!times.length) return false;
    const time = key === "n" ? Math.min(...times) : Math.max(...times);
    this.plot.show({ from: time - near / 2, to: time + near / 2 });
    return true;
  }

  private table(): { columns: string[]; rows: (string | number)[][] } {
    const unit = this.state.relative ? "relative" : "electrons/s";
    const { from, to } = this.plot.window;
    const rows: (string | number)[][] = [];
    const [time, ...values] = this.columns;
    time.forEach((at, i) => {
      const middle = values[2]?.[i] ?? values[5]?.[i];
      if (at < from || at > to || middle === null || middle === undefined) return;
      const cells = [middle, values[0]?.[i] ?? values[3]?.[i], values[1]?.[i] ?? values[4]?.[i]];
      const texts = cells.filter((v): v is number => typeof v === "number").map((v) => v.toFixed(this.state.relative ? 6 : 2));
      rows.push([at.toFixed(4), date(at), ...texts]);
    });
    const far = this.shown.far ? [`median flux [${unit}]`, "least", "most"] : [`flux [${unit}]`];
    return { columns: ["BKJD [days]", "date [TDB]", ...far], rows };
  }
}

/** Whether values for which one axis is wanted are to be seen well on another: none cut off, and not as a thin line. */
function suits([low, high]: [number, number], [lowest, highest]: [number, number]): boolean {
  const slack = 0.08 * (high - low); // chosen: less than the margins of `wanted`
  return low - slack <= lowest && highest <= high + slack && highest - lowest > 0.6 * (high - low);
}

function empty(): Columns {
  return [[], [], [], [], [], [], []];
}

function width(window: Window): number {
  return window.to - window.from;
}

function usualStep(time: number[]): number {
  const steps = time.slice(1).map((t, i) => t - (time[i] ?? t));
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 1;
}
