// Colours of the plots: those of the style sheet, which knows light from dark.

const NAMES = ["paper", "ink", "muted", "rule", "quarter-a", "quarter-b", "band-a", "band-b", "model", "odd", "even", "point"] as const;
export type Colour = (typeof NAMES)[number];

/** Ways to tell candidates apart, for eight of them; more begin anew. */
export const MARKS = 8;

let known = new Map<string, string>();

export function colour(name: Colour | `mark-${number}`): string {
  let value = known.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    known.set(name, value);
  }
  return value;
}

export function markColour(candidate: number): string {
  return colour(`mark-${(candidate - 1) % MARKS}`);
}

/** Call back where light turns dark, or dark light. */
export function watchTheme(changed: () => void, signal: AbortSignal): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", () => {
    known = new Map();
    changed();
  }, { signal });
}
