// A plot: uPlot with zoom by drag, wheel, pinch and keys, and with words for those who do not see it.

import uPlot from "uplot";
import { fill, h, unique } from "./dom";
import { colour, watchTheme } from "./theme";

export interface Window {
  from: number;
  to: number;
}

export interface PlotGiven {
  /** What is drawn, for those who do not see it. */
  label: string;
  height: (width: number) => number;
  /** Of the x axis, and of y: the quantity with its unit. */
  x: string;
  y: string;
  /** The whole x range, which nothing zooms beyond. */
  whole: Window;
  series: uPlot.Series[];
  bands?: uPlot.Band[];
  axes?: uPlot.Axis[];
  range: (from: number, to: number) => [number, number];
  draw?: (plot: uPlot) => void;
  /** The words under the plot for the point under the cursor, and where there is none. */
  readout?: (x: number | undefined, index: number | undefined) => string;
  /** The window was moved, by whatever means. */
  moved?: (window: Window) => void;
  /** Somebody clicked at an instant. */
  picked?: (x: number) => void;
  /** The keys n and p, for the next and the previous transit; true where the key meant something. */
  key?: (key: string) => boolean;
  /** The plot as a table: names of the columns with units, rows within the window. */
  table: () => { columns: string[]; rows: (string | number)[][] };
}

const ZOOM = 1.5; // a step of the keys and buttons (chosen)
const WHEEL = 1.2; // a notch of the wheel (chosen)
const PAN = 0.25; // of the window, a step of the arrow keys (chosen)
const NARROWEST = 0.02; // of a day, or of what the x axis has: half an hour (chosen: one long cadence)
const TABLE_ROWS = 200; // chosen: a longer table is no help to anybody; the files have all

/** A tick without separators, so that it can be copied; with the digits that tell neighbours apart. */
function plain(tick: number, all: number[]): string {
  const step = Math.abs((all[1] ?? 1) - (all[0] ?? 0));
  return tick.toFixed(Math.min(Math.max(Math.ceil(-Math.log10(step || 1) - 1e-9), 0), 6)).replace("-", "−");
}

const FONT = '11px system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif';

export class Plot {
  readonly element: HTMLElement;
  private readonly canvas = h("div", { class: "canvas" });
  private readonly said = h("p", { class: "readout" });
  /** What a key or a button has led to, for those who do not see it. */
  private readonly told = h("p", { class: "unseen", "aria-live": "polite" });
  private readonly rows = h("div", {});
  private readonly details: HTMLDetailsElement;
  private readonly plot: uPlot;
  private current: Window;

  constructor(private readonly given: PlotGiven, data: uPlot.AlignedData, signal: AbortSignal, window?: Window) {
    const help = unique("keys");
    this.current = window ?? given.whole;
    const button = (name: string, words: string, act: () => void) =>
      h("button", { type: "button", class: "tool", "aria-label": words, title: words, onclick: () => (act(), this.tell()) }, name);
    const frame = h(
      "div",
      { class: "frame", tabindex: 0, role: "application", "aria-label": given.label, "aria-describedby": help },
      this.canvas,
    );
    this.details = h("details", { class: "as-table", ontoggle: () => this.tabulate() }, h("summary", {}, "As a table"), this.rows);
    this.element = h(
      "figure",
      { class: "plot" },
      frame,
      h(
        "figcaption",
        {},
        this.said,
        h(
          "div",
          { class: "tools" },
          button("◀", "Earlier", () => this.pan(-PAN)),
          button("▶", "Later", () => this.pan(PAN)),
          button("+", "Closer", () => this.zoom(1 / ZOOM)),
          button("−", "Farther", () => this.zoom(ZOOM)),
          button("⤢", "All of it", () => this.show(given.whole)),
        ),
      ),
      this.told,
      h("p", { id: help, class: "unseen" }, `Arrow keys move, plus and minus zoom, 0 shows all${given.key ? ", n and p show the next and the previous transit" : ""}. The table below has the numbers.`),
      this.details,
    );
    this.plot = new uPlot(this.options(), data, this.canvas);
    this.plot.setScale("x", { min: this.current.from, max: this.current.to });
    this.say(undefined);
    this.listen(frame, signal);
    watchTheme(() => this.redraw(), signal);
    signal.addEventListener("abort", () => this.plot.destroy());
  }

  get window(): Window {
    return this.current;
  }

  /** The width of what is drawn, CSS pixels. */
  get width(): number {
    return this.plot.bbox.width / devicePixelRatio || this.plot.width;
  }

  setData(data: uPlot.AlignedData): void {
    this.plot.setData(data, false);
    this.plot.setScale("x", { min: this.current.from, max: this.current.to });
    this.say(undefined);
    this.tabulate();
  }

  redraw(): void {
    this.plot.redraw(true, true);
  }

  /** Show a window, as far as there is anything. */
  show(window: Window): void {
    const { whole } = this.given;
    const width = Math.min(Math.max(window.to - window.from, NARROWEST), whole.to - whole.from);
    const from = Math.min(Math.max(window.from, whole.from), whole.to - width);
    if (from === this.current.from && from + width === this.current.to) return;
    this.current = { from, to: from + width };
    this.plot.setScale("x", { min: from, max: from + width });
    this.given.moved?.(this.current);
    this.tabulate();
  }

  private zoom(factor: number, around = (this.current.from + this.current.to) / 2): void {
    const { from, to } = this.current;
    this.show({ from: around - (around - from) * factor, to: around + (to - around) * factor });
  }

  private pan(part: number): void {
    const { from, to } = this.current;
    const step = (to - from) * part;
    this.show({ from: from + step, to: to + step });
  }

  private say(index: number | undefined, x?: number): void {
    this.said.textContent = this.given.readout?.(x, index) ?? "";
  }

  private tell(): void {
    const { from, to } = this.current;
    this.told.textContent = `From ${from.toFixed(2)} to ${to.toFixed(2)}: ${this.given.x}. ${this.said.textContent}`;
  }

  private tabulate(): void {
    if (!this.details?.open) return;
    const { columns, rows } = this.given.table();
    const step = Math.max(1, Math.ceil(rows.length / TABLE_ROWS));
    const shown = rows.filter((_, i) => i % step === 0);
    fill(
      this.rows,
      step > 1 && h("p", {}, `Every ${step}th of ${rows.length.toLocaleString("en")} rows; zoom in for all.`),
      h(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": `${this.given.label}, as a table` },
        h(
          "table",
          {},
          h("thead", {}, h("tr", {}, ...columns.map((name) => h("th", { scope: "col" }, name)))),
          h("tbody", {}, ...shown.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, cell))))),
        ),
      ),
    );
  }

  private options(): uPlot.Options {
    const { given } = this;
    const axis = (label: string, more: uPlot.Axis): uPlot.Axis => ({
      label,
      labelFont: FONT,
      font: FONT,
      labelSize: 18,
      stroke: () => colour("muted"),
      grid: { stroke: () => colour("rule"), width: 1 },
      ticks: { stroke: () => colour("rule"), width: 1, size: 4 },
      ...more,
    });
    const width = Math.max(this.canvas.clientWidth, 300);
    return {
      width,
      height: given.height(width),
      pxAlign: 0,
      legend: { show: false },
      padding: [8, 34, 0, 0],
      scales: {
        x: { time: false, auto: false },
        y: { range: () => given.range(this.current.from, this.current.to) },
      },
      axes: [
        axis(given.x, { space: 70, size: 30, values: (_plot, ticks) => ticks.map((tick) => plain(tick, ticks)) }),
        axis(given.y, { size: 62, space: 32, values: (_plot, ticks) => ticks.map((tick) => plain(tick, ticks)) }),
        ...(given.axes ?? []).map((more) => axis("", { ...more, labelSize: 0 })),
      ],
      series: [{}, ...given.series],
      bands: given.bands ?? [],
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        points: { show: false },
        bind: { dblclick: () => () => (this.show(given.whole), null) },
      },
      hooks: {
        draw: [(plot) => given.draw?.(plot)],
        setCursor: [
          (plot) => {
            const { left, idx } = plot.cursor;
            if (left === undefined || left < 0) this.say(undefined);
            else this.say(idx ?? undefined, plot.posToVal(left, "x"));
          },
        ],
        setSelect: [
          (plot) => {
            const { left, width: wide } = plot.select;
            if (wide < 4) return;
            const window = { from: plot.posToVal(left, "x"), to: plot.posToVal(left + wide, "x") };
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            this.show(window);
          },
        ],
      },
    };
  }

  private listen(frame: HTMLElement, signal: AbortSignal): void {
    const over = this.plot.over;
    over.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan(event.deltaX / over.clientWidth);
      else this.zoom(event.deltaY > 0 ? WHEEL : 1 / WHEEL, this.plot.posToVal(event.offsetX, "x"));
    }, { passive: false, signal });
    this.touch(over, signal);
    over.addEventListener("click", (event) => {
      if (event.detail === 1) this.given.picked?.(this.plot.posToVal(event.offsetX, "x"));
    }, { signal });
    frame.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const known: Record<string, () => void> = {
        ArrowLeft: () => this.pan(-PAN),
        ArrowRight: () => this.pan(PAN),
        ArrowUp: () => this.zoom(1 / ZOOM),
        ArrowDown: () => this.zoom(ZOOM),
        "+": () => this.zoom(1 / ZOOM),
        "=": () => this.zoom(1 / ZOOM),
        "-": () => this.zoom(ZOOM),
        "0": () => this.show(this.given.whole),
        Home: () => this.show(this.given.whole),
      };
      const act = known[event.key];
      if (act) act();
      else if (!this.given.key?.(event.key)) return;
      event.preventDefault();
      this.tell();
    }, { signal });
    const size = new ResizeObserver(() => {
      const width = this.canvas.clientWidth;
      if (width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: this.given.height(width) });
    });
    size.observe(this.canvas);
    signal.addEventListener("abort", () => size.disconnect());
  }

  /** Two fingers zoom and move; one finger scrolls the page. */
  private touch(over: HTMLElement, signal: AbortSignal): void {
    let began: { span: number; middle: number; window: Window } | undefined;
    const fingers = (event: TouchEvent) => {
      const left = over.getBoundingClientRect().left;
      const [a = 0, b = 0] = [...event.touches].map((touch) => touch.clientX - left);
      return { span: Math.max(Math.abs(a - b), 10), middle: (a + b) / 2 };
    };
    over.addEventListener("touchstart", (event) => {
      if (event.touches.length !== 2) return;
      const { span, middle } = fingers(event);
      began = { span, middle: this.plot.posToVal(middle, "x"), window: this.current };
    }, { passive: true, signal });
    over.addEventListener("touchmove", (event) => {
      if (!began || event.touches.length !== 2) return;
      event.preventDefault();
      const now = fingers(event);
      const width = ((began.window.to - began.window.from) * began.span) / now.span;
      const from = began.middle - width * (now.middle / over.clientWidth);
      this.show({ from, to: from + width });
    }, { passive: false, signal });
    over.addEventListener("touchend", () => (began = undefined), { signal });
  }
}
