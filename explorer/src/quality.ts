// SAP_QUALITY of the files, in words (Kepler Archive Manual, table 2-3).

import { bkjdOf, tickOf } from "./time";
import type { Window } from "./plot";
import { type Series, exec, quoted } from "./warp10";

const BITS: [number, string][] = [
  [0, "attitude tweak"],
  [1, "safe mode"],
  [2, "coarse point"],
  [3, "Earth point"],
  [4, "reaction wheel at zero speed"],
  [5, "reaction wheels desaturated"],
  [6, "Argabrightening"],
  [7, "cosmic ray in the aperture"],
  [8, "excluded by hand"],
  [10, "sudden drop of sensitivity"],
  [11, "single outlier"],
  [12, "Argabrightening on this CCD"],
  [13, "cosmic ray in the calibration pixels"],
  [14, "anomaly of the detector"],
  [15, "no fine point"],
  [16, "no data"],
  [17, "rolling band in the aperture"],
  [18, "rolling band on this detector"],
  [19, "thruster firing possible"],
  [20, "thruster firing"],
];

export interface Flag {
  time: number;
  flags: number;
}

export function flagWords(flags: number): string[] {
  return BITS.filter(([bit]) => (flags >> bit) & 1).map(([, words]) => words);
}

/** Cadences of a window whose quality is not 0. */
export async function fetchFlags(star: string, mode: string, window: Window, signal: AbortSignal): Promise<Flag[]> {
  const [end, span] = [tickOf(window.to), tickOf(window.to) - tickOf(window.from)];
  const script = `
${quoted(star)} 'sap.quality' ${quoted(mode)} ${end} ${span} @HELLOEXOWORLD/CURVE 'found' STORE
[ $found 0 mapper.ne 0 0 0 ] MAP`;
  const [found] = (await exec(script, signal)) as [Series[]];
  return found.flatMap((series) => series.v.map((point) => ({ time: bkjdOf(point[0]), flags: Number(point.at(-1)) })));
}
