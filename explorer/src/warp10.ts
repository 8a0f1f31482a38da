// Asking the server. A script goes in, a stack comes out, top first.

import { Busy, Problem } from "./problem";

const EXEC = "/api/v0/exec";
/** What a script is told by the server for guests (macro GUEST/ASK) where the data server is away. */
const AWAY = "The database does not answer";
/** What a script is told by the same macro where guests have used their share of the data server's time. */
const SHARE = "Guests have asked more of the database than their share";

/** Series as the server writes them: points are [tick in µs, …, value]. */
export interface Series {
  c: string;
  l: Record<string, string>;
  a: Record<string, string>;
  v: [number, ...(number | string | boolean)[]][];
}

export type Stack = unknown[];

export interface Limits {
  maxtime: number;
  points: number;
  script_bytes: number;
  title: string;
}

/** Write a text as WarpScript reads it: everything but letters, digits and _ is percent-encoded. */
export function quoted(text: string): string {
  const encoded = encodeURIComponent(text).replace(/[!'()*~.-]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
  return `'${encoded}'`;
}

/** Write a text so that a regular expression takes it literally, without signs that the server for guests counts. */
export function literal(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}-]/g, (sign) => `\\x${sign.charCodeAt(0).toString(16)}`);
}

/**
 * Run a script; its stack, top first. Throws a Problem.
 *
 * @param own whether the visitor wrote it, who can mend it, and for whom it is not sent again once it has run
 */
export async function exec(script: string, signal?: AbortSignal, own = false): Promise<Stack> {
  let answer: Response;
  try {
    answer = await fetch(EXEC, { method: "POST", body: script, signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem("The server cannot be reached.", "Is the network there? The page asks again by itself.", true);
  }
  const text = await answer.text().catch((error: unknown) => {
    if (signal?.aborted) throw error;
    // Without its body a refusal still has its status.
    if (answer.ok) throw ran("The answer of the server broke off.", own);
    return "";
  });
  if (!answer.ok) throw refusal(answer, text, own);
  try {
    return JSON.parse(text.replace(/\bNaN\b/g, "null")) as Stack;
  } catch {
    throw new Problem(
      "The answer of the server is not whole, or no JSON.",
      "Ask for less, or for values that JSON can hold.",
    );
  }
}

function refusal(answer: Response, text: string, own: boolean): Problem {
  const said = answer.headers.get("X-Warp10-Error-Message");
  const line = Number(answer.headers.get("X-Warp10-Error-Line") ?? Number.NaN);
  if (said?.includes(AWAY)) return new Problem(`${AWAY}.`, "The page asks again by itself.", true);
  if (said?.includes(SHARE)) return new Busy(`${SHARE}.`);
  if (said) return scriptFault(said, own, Number.isFinite(line) && line > 0 ? line : undefined);
  const sentence = errorOf(text);
  switch (answer.status) {
    case 429:
      return new Busy(sentence ?? "Too many scripts at once.");
    case 502:
    case 504:
      return ran(sentence ?? `${AWAY}.`, own);
    case 503:
      return new Problem(sentence ?? `${AWAY}.`, "The page asks again by itself.", true);
    case 413:
      return new Problem(sentence ?? "The script is too long.", "Make it shorter.");
    default:
      return new Problem(sentence ?? `The server refuses (status ${answer.status}).`, "Ask the one who runs this server.");
  }
}

/** A failure of a script that has run and may be its cause: whatever it has done to the server it would do again. */
function ran(sentence: string, own: boolean): Problem {
  return own
    ? new Problem(sentence, "It was not sent again: run it with less data.")
    : new Problem(sentence, "The page asks again by itself.", true);
}

/** Make a sentence of what the server says of a script. */
function scriptFault(said: string, own: boolean, line: number | undefined): Problem {
  const words = innermost(said).trim();
  const look = line ? `Look at line ${line} of the script.` : "Look at the script.";
  const advice = own ? look : "Load the page again; if that does not help, ask the one who runs this server.";
  return new Problem(/[.!?)]$/.test(words) ? words : `${words}.`, advice, false, line);
}

/**
 * What went wrong at first: around it the server writes where it was passed on, as in
 * "Exception at statement 'IFT' in section '[TOP]' (Exception at statement 'MSGFAIL' in section '[TOP]' (why))".
 */
function innermost(said: string): string {
  const words = said.replace(/^(?:ERROR line #\d+ )?in section '?[^ ]*'?: /, "");
  const around = /^Exception at .*? in section \S+ \(/.exec(words);
  if (!around) return words.replace(/^MSGFAIL /, "");
  let open = 1;
  let end = around[0].length;
  for (; end < words.length && open > 0; end += 1) open += words[end] === "(" ? 1 : words[end] === ")" ? -1 : 0;
  return innermost(words.slice(around[0].length, open > 0 ? end : end - 1));
}

function errorOf(text: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && "error" in parsed) return String(parsed.error);
  } catch {
    // No JSON: the status says enough.
  }
  return undefined;
}

let known: Promise<Limits> | undefined;

/** What the server allows, asked once; defaults where it does not say. */
export function limits(): Promise<Limits> {
  known ??= fetchLimits();
  return known;
}

async function fetchLimits(): Promise<Limits> {
  const standard: Limits = { maxtime: 30, points: 10_000_000, script_bytes: 65_536, title: "HelloExoWorld" };
  try {
    const answer = await fetch("/explorer.json");
    return answer.ok ? { ...standard, ...((await answer.json()) as Partial<Limits>) } : standard;
  } catch {
    return standard;
  }
}
