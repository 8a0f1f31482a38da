// The transit of a small planet with limb darkening, as `kepler_lens.transit_model` has it, averaged over the
// half hour of a long cadence.

/** u1 and u2 of a star like the Sun in Kepler's band (Claret and Bloemen 2011, A&A 529, A75). */
const [U1, U2] = [0.4, 0.26];
const RATIO = 0.03; // planet to star, as `kepler_lens.transit_search.detection.transit_fit` fits
const EXPOSURE_HOURS = 0.4904; // 29.4 minutes
const SAMPLES = 7; // of an exposure

export interface Shape {
  depth: number; // ppm
  duration: number; // hours, first to fourth contact
  impact: number; // radii of the star
}

function dimming(hours: number, { duration, impact }: Shape): number {
  const x = (2 * hours) / duration;
  const z = Math.sqrt(impact ** 2 + ((1 + RATIO) ** 2 - impact ** 2) * x ** 2);
  const dark = 1 - Math.sqrt(1 - Math.min(z, 1) ** 2);
  const onDisc = Math.min(Math.max((1 + RATIO - z) / (2 * RATIO), 0), 1);
  return onDisc * (1 - U1 * dark - U2 * dark ** 2);
}

/** Relative flux about 0, ppm, hours from the middle. */
export function model(hours: number, shape: Shape): number {
  let sum = 0;
  for (let i = 0; i < SAMPLES; i += 1) sum += dimming(hours + ((i + 0.5) / SAMPLES - 0.5) * EXPOSURE_HOURS, shape);
  return (-shape.depth * sum) / SAMPLES / dimming(0, shape);
}

/**
 * The impact parameter by the part of the transit that a flank takes, which the test `shape` of the vetting
 * gives: between second and third contact the whole planet is on the disc.
 */
export function impactOf(flank: number): number {
  const bottom = Math.max(1 - 2 * flank, 0) ** 2;
  const squared = ((1 - RATIO) ** 2 - bottom * (1 + RATIO) ** 2) / (1 - bottom);
  return Number.isFinite(squared) ? Math.sqrt(Math.min(Math.max(squared, 0), 0.97 ** 2)) : 0;
}
