// What the server knows of a star: its series, tags, candidates, scores, and the search that counts.

import { bkjdOf } from "./time";
import { type Series, exec, quoted } from "./warp10";

/** Without a repetition after a bracket, which the server for guests refuses. */
const SHOWN = "'((pdcsap|sap)%5C.flux|sap%5C.quality)'";

export interface Head {
  classname: string;
  mode: string;
  labels: Record<string, string>;
}

export interface Test {
  name: string;
  figure: string;
  verdict: string;
}

export interface Candidate {
  number: number;
  run: string;
  period: number;
  epoch: number;
  duration: number; // hours
  depth: number; // ppm
  depthError: number;
  snr: number;
  disposition: string;
  comment: string;
  radius: string;
  tests: Test[];
  /** Days by which each transit from the epoch's on comes after its mean ephemeris; empty where all are in time. */
  late: number[];
  /** Middles of the observed transits, BKJD. */
  transits: number[];
  score?: Score;
  known: Record<string, string>;
}

export interface Score {
  planet: number;
  eclipse: number;
  noise: number;
  spread: number;
  outside: boolean;
  model: string;
}

/** The last search of the star: how small a planet it would have found, and dips that fit no period. */
export interface Search {
  limit: number | null;
  lone: [number, number, number][];
  pairs: [number, number, number][];
  engine: string;
}

export interface Star {
  number: string;
  heads: Head[];
  tags: Record<string, string>;
  mission: string;
  candidates: Candidate[];
  search?: Search;
}

/** Series of FIND come with what they are called alone. */
const HEADS = `<% DROP DUP NAME SWAP DUP LABELS SWAP ATTRIBUTES 3 ->LIST %> LMAP`;

export async function fetchStar(star: string, signal: AbortSignal): Promise<Star> {
  const id = quoted(star);
  const script = `
@HELLOEXOWORLD/GETREADTOKEN 'token' STORE
[] ${id} @HELLOEXOWORLD/SERIES <% <% DUP NAME ${SHOWN} MATCH SIZE 0 > %> <% +! %> <% DROP %> IFTE %> FOREACH ${HEADS}
[ $token 'star.search' {} ${id} TOLONG 1 ] FETCH NONEMPTY <% DROP VALUES 0 GET %> LMAP
{ 'KEPLERID' ${id} } @HELLOEXOWORLD/CANDIDATES`;
  const [candidates, searches, heads] = (await exec(script, signal)) as [
    Series[],
    string[],
    [string, Record<string, string>, Record<string, string>][],
  ];
  const text = searches[0];
  return {
    number: star,
    heads: heads.map(([classname, labels]) => ({ classname, labels, mode: labels["OBSMODE"] ?? "" })),
    tags: Object.assign({}, ...heads.map(([, , attributes]) => attributes)) as Record<string, string>,
    mission: heads[0]?.[1]["MISSION"] ?? "",
    candidates: candidates.map(candidateOf),
    ...(text ? { search: JSON.parse(text) as Search } : {}),
  };
}

export function candidateOf(series: Series): Candidate {
  const known = series.a;
  const number = (name: string) => Number(known[name] ?? Number.NaN);
  const tests = Object.keys(known)
    .filter((name) => name.endsWith(".verdict"))
    .map((name) => name.slice(0, -".verdict".length))
    .map((name) => ({ name, figure: known[`${name}.figure`] ?? "", verdict: known[`${name}.verdict`] ?? "" }));
  const planet = number("score");
  return {
    number: Number(series.l["CANDIDATE"]),
    run: series.l["RUN"] ?? "",
    period: number("period"),
    epoch: number("epoch"),
    duration: number("duration"),
    depth: number("depth"),
    depthError: number("depth_error"),
    snr: number("snr"),
    disposition: known["disposition"] ?? "",
    comment: known["comment"] ?? "",
    radius: known["radius"] ?? "",
    tests,
    late: (known["late"] ?? "").split(" ").filter(Boolean).map(Number),
    transits: series.v.map(([tick]) => bkjdOf(tick)),
    known,
    ...(Number.isFinite(planet)
      ? {
          score: {
            planet,
            eclipse: number("p_eclipse"),
            noise: number("p_noise"),
            spread: number("score_spread"),
            outside: known["score_outside"] === "yes",
            model: known["score_model"] ?? "",
          },
        }
      : {}),
  };
}
