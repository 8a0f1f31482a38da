// A first look at a star of many points: some neighbouring points at the end of each of many stretches of time, which
// the server reads in a small part of the time that all points take.

import type { Curve, Piece, Source } from "./curve_types";
import type { Window } from "./plot";
import { Busy } from "./problem";
import { bkjdOf, quarterAt, tickOf } from "./time";
import { type Series, exec, quoted } from "./warp10";

const STRETCHES = 300; // of the four years: one at every fourth pixel of a wide plot (chosen)
const POINTS = 16; // of each: their median is known to a third of the scatter of one point (chosen)
const FEW = 20; // stretches with points, up to which all points come about as soon (chosen)

/** The sample of a span of time, or nothing where it is of no use: the server has none, or there are few points. */
export async function fetchSample(source: Source, span: Window, buckets: number, signal: AbortSignal): Promise<Curve | undefined> {
  const [end, ticks] = [tickOf(span.to), tickOf(span.to) - tickOf(span.from)];
  const script = `${quoted(source.star)} ${quoted(source.classname)} ${quoted(source.mode)} ${end} ${ticks} ${STRETCHES} ${POINTS} @HELLOEXOWORLD/SAMPLE`;
  let answer: [Series];
  try {
    answer = (await exec(script, signal)) as [Series];
  } catch (error) {
    // Where there is no place for a sample, there is none for all points.
    if (signal.aborted || error instanceof Busy) throw error;
    // Whatever else is wrong, the points themselves say it, or come all the same.
    return undefined;
  }
  return sampleOf(answer[0].v.map((point) => [bkjdOf(point[0]), Number(point.at(-1))]), span, buckets);
}

function sampleOf(points: [number, number][], span: Window, buckets: number): Curve | undefined {
  const stretch = (span.to - span.from) / STRETCHES;
  const stretches: [number, number][][] = [];
  points.forEach((point, i) => {
    const before = points[i - 1];
    if (!before || point[0] - before[0] > stretch / 2) stretches.push([]);
    stretches.at(-1)!.push(point);
  });
  if (stretches.length <= FEW) return undefined;
  const pieces = new Map<number, Piece>();
  for (const near of stretches) {
    const time = middle(near.map(([at]) => at));
    const values = near.map(([, value]) => value);
    const number = quarterAt(time);
    const piece = pieces.get(number) ?? { number, time: [], low: [], high: [], middle: [], level: 1 };
    pieces.set(number, piece);
    piece.time.push(time);
    piece.low.push(Math.min(...values));
    piece.high.push(Math.max(...values));
    piece.middle.push(middle(values));
  }
  for (const piece of pieces.values()) piece.level = middle(piece.middle) || 1;
  const steps = points.slice(1).map(([at], i) => at - points[i]![0]);
  const inBucket = (span.to - span.from) / buckets / middle(steps);
  return {
    far: true,
    bucket: stretch,
    points: points.length,
    pieces: [...pieces.values()],
    span,
    sample: { points: POINTS, widening: Math.max(outermost(inBucket) / outermost(POINTS), 1) },
  };
}

function middle(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** How far out the largest of some normal values lies, in units of their spread (Cramér 1946, section 28.6). */
function outermost(count: number): number {
  const root = Math.sqrt(2 * Math.log(Math.max(count, 3)));
  return root - (Math.log(Math.log(Math.max(count, 3))) + Math.log(4 * Math.PI)) / (2 * root);
}
