// Every wait shows itself, and every error says what to do.

import { h } from "./dom";
import { type Problem, problem, unwanted } from "./problem";

const SHOWN_AFTER_MS = 120; // chosen: what comes sooner would only flicker
const AGAIN_AFTER_MS = 3000; // chosen: the front takes a server for lost, and back, within seconds

/** What was said of works that have ended; it goes as soon as another work begins in its box. */
const said = new WeakSet<Element>();

/**
 * Do some work that asks the server; meanwhile a line in `box` says so. What may go away by itself is tried
 * again, anything else is said in that line. Works that share a box have a line each.
 *
 * @returns undefined where the work failed, or is no longer wanted
 */
export async function waiting<T>(
  box: HTMLElement,
  words: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T | undefined> {
  for (const line of [...box.children]) if (said.has(line)) line.remove();
  let line: HTMLElement | undefined;
  const say = (next?: HTMLElement) => {
    if (next && line?.parentNode === box) line.replaceWith(next);
    else if (next) box.append(next);
    else line?.remove();
    line = next;
  };
  for (;;) {
    const timer = setTimeout(() => signal.aborted || say(h("p", { class: "wait", role: "status" }, words)), SHOWN_AFTER_MS);
    try {
      const done = await work();
      clearTimeout(timer);
      say();
      return signal.aborted ? undefined : done;
    } catch (error) {
      clearTimeout(timer);
      say();
      if (signal.aborted || unwanted(error)) return undefined;
      const what = problem(error);
      say(notice(what));
      if (!what.passing) {
        if (error !== what) console.error(error);
        said.add(line!);
        return undefined;
      }
      await pause(AGAIN_AFTER_MS, signal);
      if (signal.aborted) {
        say();
        return undefined;
      }
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

/** Wait so long, or until what is awaited is no longer wanted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
