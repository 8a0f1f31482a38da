// Light curves in the detail that a window needs. The server reduces: near, every point comes as it was
// measured; far, each bucket of time comes with its smallest, largest and median value, so that neither
// outliers nor shallow transits are lost in the noise.

import { exec, quoted } from "./warp10";
import { QUARTER_EDGES, bkjdOf, days, tickOf } from "./time";
import type { Curve, Piece, Source } from "./curve_types";
import type { Window } from "./plot";
import { fetchSample } from "./sample";

/** Points up to which all are sent (chosen: two for each pixel of a wide plot). */
const MOST_POINTS = 4000;
const FAR_FUTURE = 1e5; // BKJD, the end of the last quarter
const LAST_DAY = 1592; // BKJD, the end of the light curves of Kepler

/** Of a window, loaded on both sides, so that a small move shows something at once (chosen). */
export const BEYOND = 0.25;

/** What is loaded for a window. */
export function widened({ from, to }: Window): Window {
  const beyond = (to - from) * BEYOND;
  return { from: from - beyond, to: to + beyond };
}

/** Number, ticks; then values, or smallest, largest and median values. */
type Sent = [number, number[], ...number[][]];

/** Whether Kepler's quarters divide the time of a star: not those of K2, whose EPIC numbers have 9 digits from 2. */
export function hasQuarters(star: string): boolean {
  return !/^2\d{8}$/.test(star);
}

/**
 * The script for a window, or for everything; the answer is [points, bucket in µs, piece, …]. `bucket` is how
 * long one is in µs; without it there are `buckets` of them, or none where there are few points.
 */
export function curveScript(source: Source, buckets: number, window?: Window, bucket?: number): string {
  const [end, span] = window
    ? [String(tickOf(window.to)), String(Math.max(1, tickOf(window.to) - tickOf(window.from)))]
    : ["MAXLONG", "MAXLONG"];
  const edges = [...QUARTER_EDGES, FAR_FUTURE].map(tickOf).join(" ");
  const split = hasQuarters(source.star)
    ? `[ ${edges} ] 'edges' STORE
[] 0 $edges SIZE 2 - <%
  'i' STORE
  $edges $i 1 + GET 'end' STORE
  [ $i $curve $end 1 - $end $edges $i GET - TIMECLIP ] +!
%> FOR`
    : `0 'i' STORE
[] $curve 5 d 1 'piece' TIMESPLIT <% [ $i ] SWAP +! +! $i 1 + 'i' STORE %> FOREACH`;
  return `
${quoted(source.star)} ${quoted(source.classname)} ${quoted(source.mode)} ${end} ${span} @HELLOEXOWORLD/CURVE 'found' STORE
// Several only where the archive changed a label between quarters.
<% $found SIZE 0 == %> <% NEWGTS %> <% $found MERGE SORT %> IFTE 'curve' STORE
$curve SIZE 'size' STORE
${bucket ? "true" : `$size ${MOST_POINTS} >`} 'far' STORE
<% $far %> <% ${bucket ?? `$curve LASTTICK $curve FIRSTTICK - ${buckets} / 1 +`} %> <% 0 %> IFTE 'bucket' STORE
${split}
'pieces' STORE
[ $size $bucket ] $pieces <%
  LIST-> DROP 'piece' STORE 'i' STORE
  <% $piece SIZE 0 > %>
  <%
    [ $i ]
    <% $far %>
    <%
      [ bucketizer.min bucketizer.max bucketizer.median ] <%
        DROP 'bucketizer' STORE
        [ $piece $bucketizer 0 $bucket 0 ] BUCKETIZE 0 GET UNBUCKETIZE SORT
      %> LMAP 'reduced' STORE
      $reduced 0 GET TICKLIST +!
      $reduced <% DROP VALUES %> LMAP APPEND
    %>
    <% $piece TICKLIST +! $piece VALUES +! %> IFTE
    +!
  %> IFT
%> FOREACH
`;
}

/**
 * All points of short cadence are read in two parts at the same time: one star may have two million, and the server
 * reads a part on a core. Numbers of the quarters with which they begin, and the one after the last.
 */
const PARTS = [0, 9, 18];

/**
 * Fetch a curve in a window, or all of it; `early` is told what there is to draw before all points have come: a
 * sample of them, or the first part.
 */
export async function fetchCurve(
  source: Source,
  buckets: number,
  signal: AbortSignal,
  window?: Window,
  early?: (curve: Curve) => void,
): Promise<Curve> {
  if (window || source.mode !== "short cadence" || !hasQuarters(source.star)) {
    return curveOf(curveScript(source, buckets, window), signal);
  }
  const edges = [...QUARTER_EDGES, LAST_DAY];
  const span = { from: QUARTER_EDGES[0]!, to: LAST_DAY };
  // Alone, since it is to be there at once.
  const sample = early && (await fetchSample(source, span, buckets, signal));
  if (sample) early(sample);
  const bucket = Math.round(tickOf((span.to - span.from) / buckets) - tickOf(0));
  const parts = PARTS.slice(1).map((end, i) => ({ from: edges[PARTS[i]!]!, to: edges[end]! }));
  const come: Curve[] = [];
  const together = (): Curve => ({
    far: true,
    bucket: days(bucket),
    points: come.reduce((sum, curve) => sum + curve.points, 0),
    pieces: come.flatMap((curve) => curve.pieces).sort((a, b) => a.number - b.number),
    span,
  });
  await Promise.all(
    parts.map(async (part) => {
      come.push(await curveOf(curveScript(source, buckets, part, bucket), signal));
      const so = together();
      if (!sample && so.points > MOST_POINTS && come.length < parts.length) early?.(so);
    }),
  );
  const all = together();
  // Few points come as they are.
  return all.points > MOST_POINTS ? all : curveOf(curveScript(source, buckets), signal);
}

/** The pieces of a window of K2 are counted from 0: give each the number of the piece of the whole that it is part of. */
export function renumber(curve: Curve, whole: Curve): void {
  for (const piece of curve.pieces) {
    const middle = piece.time[piece.time.length >> 1] ?? 0;
    const off = ({ time }: Piece) => Math.max((time[0] ?? 0) - middle, middle - (time.at(-1) ?? 0));
    piece.number = whole.pieces.reduce((a, b) => (off(b) < off(a) ? b : a)).number;
  }
}

async function curveOf(script: string, signal: AbortSignal): Promise<Curve> {
  const [answer] = (await exec(script, signal)) as [[number, number, ...Sent[]]];
  const [points, bucketTicks, ...sent] = answer;
  const bucket = days(bucketTicks);
  return { far: bucket > 0, bucket, points, pieces: sent.map((one) => piece(one, bucket)) };
}

function piece([number, ticks, ...values]: Sent, bucket: number): Piece {
  // A bucket is named by its end, and means its middle.
  const time = ticks.map((tick) => bkjdOf(tick) - bucket / 2);
  const [low = [], high = [], middle = low] = values;
  const sorted = [...middle].sort((a, b) => a - b);
  // Of buckets the median of their medians: within the noise that of all points.
  const level = sorted[Math.floor(sorted.length / 2)] || 1;
  return { number, level, time, low: bucket ? low : [], high: bucket ? high : [], middle };
}
