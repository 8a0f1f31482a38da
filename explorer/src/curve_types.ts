// What a light curve is in the page, and what of it is shown.

import type { Window } from "./plot";
import type { Flag } from "./quality";
import type { Candidate } from "./star_data";

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
  /** Median of its values within the window, of buckets that of their medians. */
  level: number;
}

export interface Curve {
  /** Whether buckets are shown, and how long one is (days). */
  far: boolean;
  bucket: number;
  /** How many points the window has on the server. */
  points: number;
  pieces: Piece[];
  /** The whole range of time, where parts of it are still to come. */
  span?: Window;
  /** Of a sample, whose buckets have few points: how many, and how many times wider the band of all would be. */
  sample?: { points: number; widening: number };
}

export interface CurveState {
  relative: boolean;
  candidates: Candidate[];
  /** Numbers of the candidates that are marked. */
  marked: Set<number>;
  /** Cadences whose quality the file doubts. */
  flagged: Flag[];
}
