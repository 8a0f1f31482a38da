// A light curve folded at a period: the arithmetic, without anything drawn.

import type { Source } from "./curve_types";
import type { Candidate } from "./star_data";
import { bkjdOf } from "./time";
import { exec, quoted } from "./warp10";

/** All points of a star without its trend: BKJD, and relative flux about 0 in ppm. */
export interface Flat {
  time: Float64Array;
  flux: Float64Array;
}

export interface Ephemeris {
  period: number; // days
  epoch: number; // BKJD
  duration: number; // hours
  late: number[]; // days, from the epoch's transit on; empty where transits are in time
}

/** Whole ppm and seconds: a fifth of the bytes, and finer than a single point is known. */
export async function fetchFlat(source: Source, windowDays: number, signal: AbortSignal): Promise<Flat> {
  const script = `
${quoted(source.star)} ${quoted(source.classname)} @HELLOEXOWORLD/LIGHTCURVE ${windowDays} d @HELLOEXOWORLD/DETREND <%
  DROP 'o' STORE
  [ $o -1.0 mapper.add 0 0 0 ] MAP 'o' STORE
  [ $o 1000000.0 mapper.mul 0 0 0 ] MAP 'o' STORE
  [ $o mapper.round 0 0 0 ] MAP 'o' STORE
  [ $o mapper.tolong 0 0 0 ] MAP 0 GET 0.000001 TIMESCALE SORT 'o' STORE
  [ $o TICKLIST $o VALUES ]
%> LMAP`;
  const [pieces] = (await exec(script, signal)) as [[number[], number[]][]];
  return {
    time: Float64Array.from(pieces.flatMap(([seconds]) => seconds), (second) => bkjdOf(second * 1e6)),
    flux: Float64Array.from(pieces.flatMap(([, values]) => values)),
  };
}

/** Number of the nearest transit, that of the epoch being 0, and hours from its middle. */
export function nearest(time: number, { period, epoch, late }: Ephemeris): [number, number] {
  const number = Math.round((time - epoch) / period);
  return [number, (time - epoch - number * period - (late[number] ?? 0)) * 24];
}

export interface Folded {
  hours: Float64Array; // sorted
  flux: Float64Array;
  odd: Uint8Array;
}

const NEARLY = 0.01; // of the shorter period, by which a longer one may miss a multiple of it (chosen)

/** Whether one of two periods is a multiple of the other, or nearly so: then a fold at one shows transits of the other. */
export function multiple(a: number, b: number): boolean {
  const ratio = Math.max(a, b) / Math.min(a, b);
  return Math.abs(ratio - Math.round(ratio)) < NEARLY;
}

/** Fold, without the transits of other candidates. */
export function fold(flat: Flat, ephemeris: Ephemeris, others: readonly Candidate[]): Folded {
  const kept: [number, number, number][] = [];
  flat.time.forEach((time, i) => {
    if (others.some((other) => Math.abs(nearest(time, other)[1]) < 0.75 * other.duration + 0.5)) return;
    const [number, hours] = nearest(time, ephemeris);
    kept.push([hours, flat.flux[i] ?? 0, Math.abs(number % 2)]);
  });
  kept.sort((a, b) => a[0] - b[0]);
  return {
    hours: Float64Array.from(kept, ([hours]) => hours),
    flux: Float64Array.from(kept, ([, flux]) => flux),
    odd: Uint8Array.from(kept, ([, , odd]) => odd),
  };
}

export interface Bin {
  hours: number;
  flux: number; // mean, ppm
  error: number; // of the mean, ppm; NaN of a single point
  count: number;
}

/** Mean of each bin that has points; `parity` takes only odd (1) or even (0) transits. */
export function bins(folded: Folded, width: number, parity?: 0 | 1): Bin[] {
  const found: Bin[] = [];
  let [slot, n, sum, squares] = [Number.NaN, 0, 0, 0];
  const close = () => {
    if (!n) return;
    const mean = sum / n;
    const variance = Math.max(squares / n - mean * mean, 0) / (n - 1);
    found.push({ hours: slot * width, flux: mean, error: n > 1 ? Math.sqrt(variance) : Number.NaN, count: n });
  };
  folded.hours.forEach((hours, i) => {
    if (parity !== undefined && folded.odd[i] !== parity) return;
    // A bin lies around the middle of the transit.
    const here = Math.round(hours / width);
    if (here !== slot) {
      close();
      [slot, n, sum, squares] = [here, 0, 0, 0];
    }
    const flux = folded.flux[i] ?? 0;
    n += 1;
    sum += flux;
    squares += flux * flux;
  });
  close();
  return found;
}

/** Depth within the middle half of the transit against one to three durations beside it, ppm. */
export function depth(folded: Folded, duration: number): { depth: number; error: number; inside: number } {
  const inside: number[] = [];
  const beside: number[] = [];
  folded.hours.forEach((hours, i) => {
    const off = Math.abs(hours) / duration;
    if (off < 0.25) inside.push(folded.flux[i] ?? 0);
    else if (off > 0.75 && off < 3) beside.push(folded.flux[i] ?? 0);
  });
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [a, b] = [mean(inside), mean(beside)];
  const scatter = Math.sqrt(mean(beside.map((value) => (value - b) ** 2)));
  return { depth: b - a, error: scatter * Math.sqrt(1 / inside.length + 1 / beside.length), inside: inside.length };
}
