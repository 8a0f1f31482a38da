// What the editor completes: the macros of the server, by their own INFO, and common functions of WarpScript.

import type { Word } from "./editor";
import { problem } from "./problem";
import { exec } from "./warp10";

const MACROS = ["LIGHTCURVE", "DETREND", "DIPS", "FOLD", "CANDIDATES", "MEANAT", "SERIES", "CURVE", "SAMPLE"];

export interface Macro {
  name: string;
  desc: string;
  sig: [string[], string[]][];
  params: Record<string, string>;
  examples: string[];
}

/**
 * Ask each macro what it is; one that the server does not have is left out.
 *
 * @param known what was asked before a failure that passes: it is not asked again
 */
export async function fetchMacros(known: Map<string, Macro | undefined>, signal: AbortSignal): Promise<Macro[]> {
  // One after another: a guest may run only a few scripts at once.
  for (const name of MACROS) if (!known.has(name)) known.set(name, await fetchMacro(name, signal));
  return [...known.values()].filter((one) => one !== undefined);
}

async function fetchMacro(name: string, signal: AbortSignal): Promise<Macro | undefined> {
  try {
    const [about] = (await exec(`INFOMODE @HELLOEXOWORLD/${name}`, signal)) as [Macro];
    return about;
  } catch (error) {
    if (signal.aborted || problem(error).passing) throw error;
    return undefined;
  }
}

/** What a macro takes and gives, such as: star class → curve. */
export function signature(macro: Macro): string {
  const [takes = [], gives = []] = macro.sig[0] ?? [];
  const names = (list: string[]) => list.map((one) => one.split(":")[0]).join(" ");
  return `${names(takes)} → ${names(gives)}`;
}

export function macroWords(macros: Macro[]): Word[] {
  return [
    { name: "@HELLOEXOWORLD/GETREADTOKEN", detail: "→ token", about: "The public token, with which everybody may read." },
    ...macros.map((macro) => ({ name: `@${macro.name}`, detail: signature(macro), about: macro.desc })),
  ];
}

const FUNCTIONS: [string, string, string][] = [
  ["FETCH", "[ token class labels end span ] → list", "Read series with their points. Labels are texts; one that begins with ~ is a regular expression. End and span in microseconds; a negative span counts points; two ISO dates also do."],
  ["FIND", "[ token class labels ] → list", "Look for series, without their points."],
  ["STORE", "value 'name' →", "Keep a value under a name; $name gives it back."],
  ["DUP", "a → a a", "Copy the top of the stack."],
  ["DROP", "a →", "Remove the top of the stack."],
  ["SWAP", "a b → b a", "Exchange the two topmost values."],
  ["GET", "list i → value", "A value of a list by its place from 0, or of a map by its key."],
  ["SIZE", "a → n", "How many elements a list or map, or points a series has."],
  ["->LIST", "a … n → list", "Make a list of the topmost n values."],
  ["LMAP", "list macro → list", "Run a macro on each element; it finds the element and, on top, its place."],
  ["FOREACH", "list macro →", "Run a macro with each element on the stack."],
  ["FOR", "from to macro →", "Run a macro with each number of a range on the stack."],
  ["IFT", "condition macro →", "Run a macro if a condition holds."],
  ["IFTE", "condition macro macro →", "Run one macro if a condition holds, else the other."],
  ["EVAL", "macro →", "Run a macro."],
  ["BUCKETIZE", "[ series bucketizer last span count ] → list", "Divide time into buckets of one length and reduce the points of each to one value."],
  ["MAP", "[ series mapper before after occurrences ] → list", "Move a window over each series and reduce its points to one value."],
  ["REDUCE", "[ series labels reducer ] → list", "Reduce several series to one, tick by tick."],
  ["APPLY", "[ series… labels op ] → list", "Combine series tick by tick."],
  ["FILTER", "[ series labels filter ] → list", "Keep the series that a filter takes."],
  ["PARTITION", "list labels → map", "Divide series into groups with equal labels."],
  ["TIMECLIP", "series end span → series", "Keep the points of a stretch of time."],
  ["TIMESPLIT", "series pause least 'label' → list", "Cut a series where nothing was measured for a while."],
  ["TIMESHIFT", "series ticks → series", "Move a series in time."],
  ["TIMEMODULO", "series period 'label' → list", "Cut a series in periods and lay them over each other."],
  ["MERGE", "list → series", "Make one series of several."],
  ["SORT", "series → series", "Sort points by time."],
  ["NAME", "series → text", "Class of a series."],
  ["LABELS", "series → map", "Labels of a series."],
  ["ATTRIBUTES", "series → map", "Attributes of a series."],
  ["RENAME", "series 'name' → series", "Give a series another class."],
  ["RELABEL", "series map → series", "Change labels of a series."],
  ["TICKLIST", "series → list", "Ticks of a series, microseconds."],
  ["VALUES", "series → list", "Values of a series."],
  ["FIRSTTICK", "series → tick", "First tick of a series."],
  ["LASTTICK", "series → tick", "Last tick of a series."],
  ["ADDVALUE", "series tick lat lon elevation value → series", "Add a point; NaN for what is not known of its place."],
  ["NEWGTS", "→ series", "An empty series."],
  ["LTTB", "series n → series", "Fewer points that look alike; it keeps noise, and shallow transits drown."],
  ["FFT", "series → list", "Fast Fourier transform of a series with as many points as a power of two."],
  ["LSORT", "list → list", "Sort a list."],
  ["SORTBY", "list macro → list", "Sort a list by what a macro gives for each element."],
  ["UNIQUE", "list → list", "Each element once."],
  ["FLATTEN", "list → list", "Take lists within a list apart."],
  ["SUBLIST", "list [ from to ] → list", "Part of a list."],
  ["KEYLIST", "map → list", "Keys of a map."],
  ["CONTAINSKEY", "map key → map true", "Whether a map has a key."],
  ["PUT", "map value key → map", "Put a value in a map."],
  ["JSON->", "text → value", "Read JSON."],
  ["TOLONG", "a → integer", "Make an integer."],
  ["TODOUBLE", "a → number", "Make a number with a fraction."],
  ["TOSTRING", "a → text", "Make a text."],
  ["TSTOELEMENTS", "tick → list", "Year, month, day and so on of a tick."],
  ["TOTIMESTAMP", "'2010-01-01T00:00:00Z' → tick", "Tick of an ISO date."],
  ["ISO8601", "tick → text", "ISO date of a tick."],
  ["NOW", "→ tick", "The present."],
  ["MAXLONG", "→ integer", "The largest integer: as end and span it stands for everything."],
  ["ROUND", "number → number", "Round to the nearest integer."],
  ["ABS", "number → number", "Without the sign."],
  ["MSGFAIL", "'words' →", "End the script with a message."],
  ["d", "number → ticks", "Days."],
  ["h", "number → ticks", "Hours."],
  ["m", "number → ticks", "Minutes."],
  ["s", "number → ticks", "Seconds."],
  ["bucketizer.median", "→ bucketizer", "Median of each bucket."],
  ["bucketizer.mean", "→ bucketizer", "Mean of each bucket."],
  ["bucketizer.min", "→ bucketizer", "Least value of each bucket."],
  ["bucketizer.max", "→ bucketizer", "Largest value of each bucket."],
  ["mapper.mean", "→ mapper", "Mean within the window."],
  ["mapper.median", "→ mapper", "Median within the window."],
  ["mapper.sd", "→ mapper", "Standard deviation within the window; it takes whether Bessel's correction is applied."],
  ["mapper.add", "number → mapper", "Add a number."],
  ["mapper.mul", "number → mapper", "Multiply by a number."],
  ["mapper.lt", "number → mapper", "Keep values less than a number."],
  ["mapper.gt", "number → mapper", "Keep values greater than a number."],
  ["filter.bylabels", "map → filter", "Series with these labels."],
  ["op.sub", "→ operation", "Difference of two series."],
  ["op.div", "→ operation", "Quotient of two series."],
];

export const FUNCTION_WORDS: Word[] = FUNCTIONS.map(([name, detail, about]) => ({ name, detail, about }));
