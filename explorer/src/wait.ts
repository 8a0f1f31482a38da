// Every wait shows itself, and every error says what to do.

import { fill, h } from "./dom";
import { type Problem, problem, unwanted } from "./problem";

const SHOWN_AFTER_MS = 120; // chosen: what comes sooner would only flicker
const AGAIN_AFTER_MS = 3000; // chosen: the front takes a server for lost, and back, within seconds

/**
 * Do some work that asks the server; meanwhile `box` says so. What may go away by itself is tried again,
 * anything else is said in `box`.
 *
 * @returns undefined where the work failed, or is no longer wanted
 */
export async function waiting<T>(
  box: HTMLElement,
  words: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T | undefined> {
  for (;;) {
    const timer = setTimeout(() => signal.aborted || fill(box, h("p", { class: "wait", role: "status" }, words)), SHOWN_AFTER_MS);
    try {
      const done = await work();
      clearTimeout(timer);
      if (signal.aborted) return undefined;
      fill(box);
      return done;
    } catch (error) {
      clearTimeout(timer);
      if (signal.aborted || unwanted(error)) return undefined;
      const what = problem(error);
      fill(box, notice(what));
      if (!what.passing) {
        if (error !== what) console.error(error);
        return undefined;
      }
      await pause(AGAIN_AFTER_MS);
      if (signal.aborted) return undefined;
    }
  }
}

/** A problem in words. */
export function notice(what: Problem): HTMLElement {
  return h(
    "div",
    { class: what.passing ? "notice passing" : "notice", role: "alert" },
    h("strong", {}, what.sentence),
    " ",
    what.advice,
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
