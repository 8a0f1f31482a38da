// Addresses: #/star/6541920?period=10.3039. A link carries all that is needed to show the same again.

export interface Route {
  path: string[];
  query: URLSearchParams;
}

export function read(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

export function address(path: readonly (string | number)[], query: Record<string, string | undefined> = {}): string {
  const kept = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) kept.set(name, value);
  const text = kept.toString();
  return `#/${path.map((part) => encodeURIComponent(part)).join("/")}${text ? `?${text}` : ""}`;
}

const PAUSE_MS = 400; // chosen: Safari refuses to change the address more than 100 times in 30 s

/** What the address is to become after the pause, and what it was then. */
let noted: { before: string; next: string } | undefined;
let pause: ReturnType<typeof setTimeout> | undefined;

/**
 * Change the address without going anywhere; what is undefined or empty is taken out. Soon after another change it
 * takes a moment: `settle` makes it at once.
 */
export function note(changes: Record<string, string | undefined>): void {
  const before = location.hash;
  const route = read(noted?.before === before ? noted.next : before);
  noted = { before, next: address(route.path, { ...Object.fromEntries(route.query), ...changes }) };
  if (pause === undefined) settle();
}

/** Make the change of the address that was noted last, unless the visitor has gone elsewhere since. */
export function settle(): void {
  if (!noted) return;
  clearTimeout(pause);
  try {
    if (noted.before === location.hash) history.replaceState(null, "", noted.next);
    noted = undefined;
  } catch {
    // The browser refuses so many changes: it is asked again after the pause.
  }
  pause = setTimeout(() => {
    pause = undefined;
    settle();
  }, PAUSE_MS);
}

// What leads elsewhere begins with one of these, and it may read the address.
for (const type of ["click", "change", "submit", "pagehide"]) addEventListener(type, settle, { capture: true });

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
