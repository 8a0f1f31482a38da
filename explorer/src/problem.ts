// What went wrong, in a sentence, and what to do about it.

export class Problem extends Error {
  /**
   * @param sentence what happened
   * @param advice what to do
   * @param passing whether it may go away by itself, so that the page asks again
   * @param line of the script, from 1, where the script is at fault
   */
  constructor(
    readonly sentence: string,
    readonly advice: string,
    readonly passing = false,
    readonly line?: number,
  ) {
    super(`${sentence} ${advice}`);
  }
}

/** The server had no place for a script, which has not run: the page asks again. */
export class Busy extends Problem {
  constructor(sentence: string) {
    super(sentence, "The page asks again by itself in some seconds.", true);
  }
}

/** Whether a request was given up because its answer is no longer wanted. */
export function unwanted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Turn whatever was thrown into a problem. */
export function problem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const words = error instanceof Error ? error.message : String(error);
  return new Problem(`This page has a fault: ${words}.`, "Load it again; if the fault comes back, please report it.");
}
