// The page: which view an address shows, and the frame around it.

import "uplot/dist/uPlot.min.css";
import "./app.css";
import { fill, h } from "./dom";
import { askView } from "./ask";
import { findView } from "./find";
import { type Route, address, read } from "./route";
import { starView } from "./star";
import { tourView } from "./tour";
import { limits } from "./warp10";

type View = (root: HTMLElement, route: Route, signal: AbortSignal) => void | Promise<void>;

const VIEWS: Record<string, View> = {
  find: findView,
  star: starView,
  ask: askView,
  tour: tourView,
};
const LINKS = [
  ["find", "Find"],
  ["ask", "Ask"],
  ["tour", "Tour"],
] as const;

const root = h("main", { id: "main", tabindex: -1 });
const links = LINKS.map(([name, words]) => h("a", { href: address([name]) }, words));
const box = h("input", {
  type: "search",
  name: "star",
  placeholder: "KIC, EPIC, KOI or planet",
  "aria-label": "Star: number or name",
  autocomplete: "off",
  spellcheck: "false",
});
const home = h("a", { class: "home", href: address([]) }, "HelloExoWorld");
const go = h("form", {
  class: "go",
  role: "search",
  onsubmit: (event: Event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (text) location.hash = address(["star", text]);
  },
}, box, h("button", { type: "submit" }, "Show"));
document.body.append(
  h("a", { class: "skip", href: "#main", onclick: (event: Event) => (event.preventDefault(), root.focus()) }, "To the content"),
  h("div", { class: "top", role: "banner" }, home, go, h("nav", { "aria-label": "Pages" }, ...links)),
  root,
);

let shown: AbortController | undefined;
let path = "";

function show(): void {
  const first = !shown;
  shown?.abort();
  shown = new AbortController();
  const route = read(location.hash);
  const before = path;
  path = route.path.join("/");
  const held = path === before ? labelled(document.activeElement) : undefined;
  const name = route.path[0] ?? "find";
  links.forEach((link, i) => {
    if (LINKS[i]![0] === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  document.title = "HelloExoWorld";
  fill(root);
  scrollTo(0, 0);
  const view = VIEWS[name];
  if (view) void view(root, route, shown.signal);
  else fill(root, h("h1", {}, "There is no such page"), h("p", {}, h("a", { href: address([]) }, "Go to the beginning")));
  // As a page is loaded, the browser begins at its top by itself.
  if (!first) focus(held, shown.signal);
}

/** A selector of a control of the view. */
function labelled(element: Element | null): string | undefined {
  const label = root.contains(element) && element?.getAttribute("aria-label");
  return label ? `${element!.localName}[aria-label="${CSS.escape(label)}"]` : undefined;
}

/** Go on at the heading of the new view; where it has the control that was used in the old one, there as soon as it comes. */
function focus(held: string | undefined, signal: AbortSignal): void {
  const heading = root.querySelector("h1") ?? root;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  const look = () => {
    const control = held && root.querySelector<HTMLElement>(held);
    if (control && document.activeElement === heading) control.focus({ preventScroll: true });
    return control;
  };
  if (!held || look()) return;
  const found = new MutationObserver(() => look() && found.disconnect());
  found.observe(root, { childList: true, subtree: true });
  signal.addEventListener("abort", () => found.disconnect());
}

addEventListener("hashchange", show);
show();
void limits().then(({ title }) => fill(home, title));
