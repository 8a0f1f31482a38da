// What a y axis shows: all but single outliers, which must not hide transits of some parts in a thousand.

const OUTER = 0.03; // of the values on each side, of which some may be outliers
const BELOW = 2; // spreads: dips may be what is looked for,
const ABOVE = 0.4; // and brighter points seldom are

/**
 * The range of y for values between `lows` and `highs` around `middles`; all may be one list. Where there is
 * nothing, undefined.
 */
export function robustRange(lows: number[], highs: number[], middles: number[]): [number, number] | undefined {
  if (!middles.length) return undefined;
  const [low, high, middle] = [lows, highs, middles].map((values) => [...values].sort((a, b) => a - b)) as [number[], number[], number[]];
  const span = at(high, 1 - OUTER) - at(low, OUTER) || Math.abs(at(middle, 0.5)) * 1e-3 || 1;
  return [
    Math.max(low[0]!, Math.min(at(low, OUTER) - BELOW * span, middle[0]!)),
    Math.min(high.at(-1)!, Math.max(at(high, 1 - OUTER) + ABOVE * span, middle.at(-1)!)),
  ];
}

/** Value of a sorted list at a part of it, from 0 to 1. */
export function at(sorted: number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
}
