// Light curves in the detail that a window needs. The server reduces: near, every point comes as it was
// measured; far, each bucket of time comes with its smallest, largest and median value, so that neither
// outliers nor shallow transits are lost in the noise.

import { exec, quoted } from "./warp10";
import { QUARTER_EDGES, bkjdOf, days, tickOf } from "./time";
import type { Window } from "./plot";

/** Points up to which all are sent (chosen: two for each pixel of a wide plot). */
const MOST_POINTS = 4000;

export interface Source {
  star: string;
  classname: string;
  mode: string;
}

/** One quarter, or campaign, within a window. Times are BKJD; buckets are named by their middle. */
export interface Piece {
  /** Number of the quarter from 0, or of the campaign in the order of time. */
  number: number;
  time: number[];
  low: number[];
  high: number[];
  middle: number[];
  /** Median of its values within the window. */
  level: number;
}

export interface Curve {
  /** Whether buckets are shown, and how long one is (days). */
  far: boolean;
  bucket: number;
  /** How many points the window has on the server. */
  points: number;
  pieces: Piece[];
}

/** Number, level, ticks; then values, or smallest, largest and median values. */
type Sent = [number, number, number[], ...number[][]];

/** Whether Kepler's quarters divide the time of a star: not those of K2, whose EPIC numbers have 9 digits from 2. */
export function hasQuarters(star: string): boolean {
  return !/^2\d{8}$/.test(star);
}

/** The script for a window, or for everything; the answer is [points, bucket in µs, piece, …]. */
export function curveScript(source: Source, buckets: number, window?: Window): string {
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
[ @HELLOEXOWORLD/GETREADTOKEN ${quoted(source.classname)}
  { 'KEPLERID' ${quoted(source.star)} 'OBSMODE' ${quoted(source.mode)} } ${end} ${span} ] FETCH 'found' STORE
// Several only where the archive changed a label between quarters.
<% $found SIZE 0 == %> <% NEWGTS %> <% $found MERGE SORT %> IFTE 'curve' STORE
$curve SIZE 'size' STORE
$size ${MOST_POINTS} > 'far' STORE
<% $far %> <% $curve LASTTICK $curve FIRSTTICK - ${buckets} / 1 + %> <% 0 %> IFTE 'bucket' STORE
${split}
'pieces' STORE
[ $size $bucket ] $pieces <%
  LIST-> DROP 'piece' STORE 'i' STORE
  <% $piece SIZE 0 > %>
  <%
    [ $i $piece VALUES LSORT DUP SIZE 2 / GET ]
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

const FAR_FUTURE = 1e5; // BKJD, the end of the last quarter

/** Fetch a curve in a window, or all of it. */
export async function fetchCurve(
  source: Source,
  buckets: number,
  signal: AbortSignal,
  window?: Window,
): Promise<Curve> {
  const [answer] = (await exec(curveScript(source, buckets, window), signal)) as [[number, number, ...Sent[]]];
  const [points, bucketTicks, ...sent] = answer;
  const bucket = days(bucketTicks);
  return { far: bucket > 0, bucket, points, pieces: sent.map((one) => piece(one, bucket)) };
}

function piece([number, level, ticks, ...values]: Sent, bucket: number): Piece {
  // A bucket is named by its end, and means its middle.
  const time = ticks.map((tick) => bkjdOf(tick) - bucket / 2);
  const [low = [], high = [], middle = low] = values;
  return { number, level, time, low: bucket ? low : [], high: bucket ? high : [], middle };
}
