// Elements are made here and nowhere else: text from the database only ever becomes a text node.

export type Child = Node | string | number | false | null | undefined;
type Listener = (event: never) => void;
type Value = string | number | boolean | undefined | Listener;

/** Make an element. `onclick` and its kin are listeners, `class` and the rest attributes. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  given: Record<string, Value> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...nodes(children));
  return element;
}

/** Replace what an element holds. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...nodes(children));
}

function nodes(children: Child[]): (Node | string)[] {
  return children
    .filter((child): child is Node | string | number => child !== undefined && child !== null && child !== false)
    .map((child) => (typeof child === "number" ? String(child) : child));
}

let ids = 0;

/** Give an id that no other element has. */
export function unique(word: string): string {
  ids += 1;
  return `${word}-${ids}`;
}

/** A select box with its label; `choices` are pairs of value and words. */
export function choice(
  label: string,
  choices: readonly (readonly [string, string])[],
  chosen: string,
  change: (value: string) => void,
): HTMLLabelElement {
  const select = h("select", { "aria-label": label, onchange: () => change(select.value) });
  for (const [value, words] of choices) {
    select.append(h("option", { value, selected: value === chosen }, words));
  }
  return h("label", { class: "field" }, h("span", {}, label), select);
}

/** A check box with its label. */
export function check(label: Child, checked: boolean, change: (on: boolean) => void): HTMLLabelElement {
  const box = h("input", { type: "checkbox", checked, onchange: () => change(box.checked) });
  return h("label", { class: "check" }, box, label);
}
