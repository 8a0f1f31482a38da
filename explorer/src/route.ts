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

/** Change the address without going anywhere; what is undefined or empty is taken out. */
export function note(changes: Record<string, string | undefined>): void {
  const route = read(location.hash);
  const query = { ...Object.fromEntries(route.query), ...changes };
  history.replaceState(null, "", address(route.path, query));
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
