// What a script gave, as plots, tables or JSON.

import type uPlot from "uplot";
import { fill, h } from "./dom";
import { Plot } from "./plot";
import { at, robustRange } from "./spread";
import { MARKS, colour } from "./theme";
import { bkjdOf, date } from "./time";
import type { Series, Stack } from "./warp10";

export const FORMS = ["plot", "table", "JSON"] as const;
export type Form = (typeof FORMS)[number];

const MOST_SERIES = 24; // drawn with a line of their own in words (chosen)
const MOST_DRAWN = 400_000; // points that a browser draws within a second (chosen)
const MOST_JSON = 200_000; // characters of JSON shown; the file has all (chosen)
const FEW = 1000; // points up to which no outlier is cut off (chosen)
const FOLD_HOURS = 36; // shown of a fold at first (chosen: transits last hours)
const MOST_ROWS = 500; // of a table (chosen)
const LEAST_FLUX = 10; // electrons/s (chosen: the faintest stars of the mission give a hundred)
const AROUND_ZERO_US = 400 * 86_400e6; // ticks nearer to 0 than that are no instants but differences: a fold

/** The form that suits a result best. */
export function bestForm(stack: Stack): Form {
  if (seriesOf(stack).some((series) => numeric(series))) return "plot";
  return stack.some((value) => tableOf(value)) || seriesOf(stack).length ? "table" : "JSON";
}

export function drawResult(box: HTMLElement, stack: Stack, form: Form, signal: AbortSignal): void {
  if (!stack.length) return fill(box, h("p", {}, "The script leaves nothing on the stack."));
  if (form === "JSON") return fill(box, json(stack));
  if (form === "table") {
    return fill(box, ...stack.map((value, i) => h("div", { class: "level" }, stack.length > 1 && h("h3", {}, i ? `Level ${i + 1}` : "Top of the stack"), tableOf(value) ?? json([value]))));
  }
  const drawable = seriesOf(stack).filter(numeric);
  if (!drawable.length) return fill(box, h("p", {}, "Nothing of this result has points with numbers. Look at it as a table or as JSON."), json(stack));
  fill(box, plot(drawable, signal));
}

function isSeries(value: unknown): value is Series {
  return typeof value === "object" && value !== null && "c" in value && "l" in value && Array.isArray((value as Series).v);
}

/** All series of a result, however deep in lists and maps, those of the bottom of the stack first. */
export function seriesOf(value: unknown, top = true): Series[] {
  if (isSeries(value)) return [value];
  const inner = Array.isArray(value) ? (top ? [...value].reverse() : value) : typeof value === "object" && value !== null ? Object.values(value) : [];
  return inner.flatMap((one: unknown) => seriesOf(one, false));
}

function numeric(series: Series): boolean {
  return typeof series.v[0]?.at(-1) === "number";
}

export function seriesName(series: Series): string {
  const labels = Object.entries(series.l).filter(([name]) => !name.startsWith("."));
  return `${series.c}{${labels.map(([name, value]) => `${name}=${value}`).join(", ")}}`;
}

function plot(all: Series[], signal: AbortSignal): HTMLElement {
  const points = all.reduce((sum, series) => sum + series.v.length, 0);
  const every = Math.ceil(points / MOST_DRAWN);
  const fold = all.every((series) => series.v.every(([tick]) => Math.abs(tick) < AROUND_ZERO_US));
  const x = (tick: number) => (fold ? tick / 3.6e9 : bkjdOf(tick));
  const found = group(all);
  // Each group is a column as long as all points: those beyond share one.
  const alike = found.slice(MOST_SERIES);
  const groups = found.slice(0, MOST_SERIES);
  if (alike.length) groups.push({ name: `${alike.length.toLocaleString("en")} more, drawn in one colour`, series: alike.flatMap(({ series }) => series) });
  const drawn: [number, number, number][] = [];
  let passed = 0;
  groups.forEach((group, k) => {
    for (const series of group.series) for (const point of series.v) if (passed++ % every === 0) drawn.push([x(point[0]), k, Number(point.at(-1))]);
  });
  drawn.sort((a, b) => a[0] - b[0]);
  const data: (number | null)[][] = [drawn.map(([at]) => at), ...groups.map((_, k) => drawn.map(([, one, value]) => (one === k ? value : null)))];
  const quantity = quantityOf(all);
  const [first, last] = [drawn[0]![0], drawn.at(-1)![0]];
  const margin = (last - first) * 0.01 || 0.5;
  const many = drawn.length > 5000;
  const name = (k: number) => (k < MOST_SERIES ? (`mark-${(k + 3) % MARKS}` as const) : "muted");
  const range = (from: number, to: number): [number, number] => {
    const values = drawn.filter(([at]) => at >= from && at <= to).map(([, , value]) => value);
    // Of few points each may be what was asked for.
    const whole = values.length < FEW ? ([Math.min(...values), Math.max(...values)] as [number, number]) : undefined;
    const [low, high] = values.length ? (whole ?? robustRange(values, values, values.filter((_, i) => i % 97 === 0))!) : [0, 1];
    const pad = 0.06 * (high - low) || Math.abs(high) * 0.05 || 1;
    return [low - pad, high + pad];
  };
  const made = new Plot(
    {
      label: `Result: ${groups.map((one) => one.name).join("; ").slice(0, 200)}`,
      height: (width) => Math.round(Math.min(Math.max(width * 0.4, 260), 440)),
      x: fold ? "time from the middle [hours]" : "time [BKJD = BJD(TDB) − 2454833, days]",
      y: quantity ?? "value, in the unit of the series",
      whole: { from: first - margin, to: last + margin },
      series: groups.map((_, k): uPlot.Series => ({
        stroke: () => colour(name(k)),
        paths: () => null,
        points: { show: true, size: many ? 2.5 : 5, width: 0, fill: () => colour(name(k)), stroke: () => colour(name(k)) },
      })),
      range,
      readout: (at, index) => {
        const point = index === undefined ? undefined : drawn[index];
        if (at === undefined || !point) return `${drawn.length.toLocaleString("en")} points${every > 1 ? `, every ${every}th` : ""}`;
        return fold ? `${point[0].toFixed(3)} h · ${point[2]}` : `BKJD ${point[0].toFixed(4)} · ${date(point[0])} TDB · ${point[2]}`;
      },
      table: () => ({
        columns: [fold ? "hours" : "BKJD [days]", ...(fold ? [] : ["date [TDB]"]), quantity ?? "value", "series"],
        rows: drawn.map(([at, k, value]) => [at.toFixed(4), ...(fold ? [] : [date(at)]), value, groups[k]!.name]),
      }),
    },
    data as unknown as uPlot.AlignedData,
    signal,
    fold && last > FOLD_HOURS && first < -FOLD_HOURS ? { from: -FOLD_HOURS, to: FOLD_HOURS } : undefined,
  );
  const legend = h("ul", { class: "legend" });
  groups.forEach((one, k) => {
    const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = colour(name(k));
    legend.append(h("li", {}, swatch, one.name));
  });
  return h("div", {}, made.element, legend);
}

/** What the values of series are, with the unit; undefined where that is not known, or not the same of all. */
function quantityOf(all: Series[]): string | undefined {
  const quantities = new Set(all.map(quantity));
  return quantities.size === 1 ? [...quantities][0] : undefined;
}

function quantity({ c: classname, a: attributes, v: points }: Series): string | undefined {
  if (classname === "transit.dip") return "depth [ppm]";
  if (!/^(?:pdcsap|sap)\.flux$/.test(classname)) return undefined;
  // LIGHTCURVE notes what it has divided by.
  if ("level" in attributes) return "relative flux";
  // Whoever divides without it keeps the class all the same.
  return at(points.map((point) => Number(point.at(-1))).sort((a, b) => a - b), 0.5) > LEAST_FLUX ? "flux [electrons/s]" : undefined;
}

/** Series that differ by nothing but the number of their part (labels record, piece …) are drawn alike. */
function group(all: Series[]): { name: string; series: Series[] }[] {
  const found = new Map<string, Series[]>();
  for (const series of all) {
    const key = all.length > MOST_SERIES ? `${series.c}{KEPLERID=${series.l["KEPLERID"] ?? "?"}}` : seriesName(series);
    const list = found.get(key);
    if (list) list.push(series);
    else found.set(key, [series]);
  }
  return [...found].map(([name, series]) => ({ name, series }));
}

/** A value as a table, where it has the form of one. */
function tableOf(value: unknown): HTMLElement | undefined {
  if (isSeries(value)) return seriesTable(value);
  if (Array.isArray(value) && value.length) {
    if (value.every(isSeries)) return h("div", {}, ...value.slice(0, MOST_SERIES).map(seriesTable), value.length > MOST_SERIES && h("p", {}, `and ${value.length - MOST_SERIES} more series`));
    if (value.every((row) => typeof row === "object" && row !== null && !Array.isArray(row))) return mapsTable(value as Record<string, unknown>[]);
    if (value.every((row) => Array.isArray(row))) return rowsTable([], value as unknown[][]);
    if (value.every((cell) => typeof cell !== "object")) return rowsTable([], value.map((cell) => [cell]));
    return undefined;
  }
  if (typeof value === "object" && value !== null && Object.keys(value).length) return rowsTable(["name", "value"], Object.entries(value));
  return undefined;
}

function seriesTable(series: Series): HTMLElement {
  const attributes = Object.entries(series.a).map(([name, value]) => `${name}=${value}`).join(", ");
  const fold = series.v.every(([tick]) => Math.abs(tick) < AROUND_ZERO_US);
  const rows = series.v.map((point) => (fold ? [(point[0] / 3.6e9).toFixed(4), point.at(-1)] : [bkjdOf(point[0]).toFixed(4), date(bkjdOf(point[0])), point.at(-1)]));
  return h("div", {}, h("h3", {}, seriesName(series)), attributes && h("p", { class: "small" }, attributes), rows.length ? rowsTable(fold ? ["hours", "value"] : ["BKJD [days]", "date [TDB]", "value"], rows) : h("p", {}, "no points"));
}

function mapsTable(maps: Record<string, unknown>[]): HTMLElement {
  const names = [...new Set(maps.flatMap((map) => Object.keys(map)))];
  return rowsTable(names, maps.map((map) => names.map((name) => map[name])));
}

function rowsTable(heads: string[], rows: unknown[][]): HTMLElement {
  const text = (value: unknown) => (typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "–"));
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Result as a table" },
    h("table", { class: "dense" }, heads.length > 0 && h("thead", {}, h("tr", {}, ...heads.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, ...rows.slice(0, MOST_ROWS).map((row) => h("tr", {}, ...row.map((cell) => h("td", { class: typeof cell === "number" ? "n" : "" }, text(cell))))))),
    rows.length > MOST_ROWS && h("p", {}, `The first ${MOST_ROWS} of ${rows.length.toLocaleString("en")} rows.`),
  );
}

function json(stack: Stack): HTMLElement {
  const text = JSON.stringify(stack, null, 1).replace(/\[\s+(-?[\d.e+-]+),\s+(-?[\d.e+-]+)\s+\]/g, "[$1, $2]");
  return h("pre", { class: "json", tabindex: 0, role: "region", "aria-label": "Result as JSON" }, text.length > MOST_JSON ? `${text.slice(0, MOST_JSON)}\n… ${(text.length - MOST_JSON).toLocaleString("en")} more characters` : text);
}
