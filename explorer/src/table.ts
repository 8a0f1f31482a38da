// A table that sorts, and that can be taken along as CSV and VOTable.

import type { Column } from "./column";
import { csv, votable } from "./export";
import { fill, h } from "./dom";

const STEP = 200; // rows shown at once (chosen: more are drawn when asked for)

export function sortedTable<Row>(name: string, columns: Column<Row>[], rows: Row[]): HTMLElement {
  let order = [...rows];
  let by = -1;
  let down = false;
  let most = STEP;
  const body = h("tbody", {});
  const more = h("p", {});
  const heads = columns.map((column, i) =>
    h(
      "th",
      { scope: "col", title: column.about, class: numeric(column, rows) ? "n" : "" },
      h("button", { type: "button", class: "sort", onclick: () => sort(i) }, column.heading, column.unit && h("span", { class: "unit" }, ` ${column.unit}`)),
    ),
  );
  const draw = () => {
    fill(
      body,
      ...order.slice(0, most).map((row) =>
        h("tr", {}, ...columns.map((column) => {
          const words = column.words?.(row) ?? String(column.value(row) ?? "–");
          const link = column.link?.(row);
          return h("td", { class: numeric(column, rows) ? "n" : "" }, link ? h("a", { href: link }, words) : words);
        })),
      ),
    );
    fill(more, order.length > most && h("button", { type: "button", onclick: () => ((most += STEP), draw()) }, `Show ${Math.min(STEP, order.length - most)} more of ${order.length.toLocaleString("en")}`));
  };
  const sort = (i: number) => {
    down = by === i ? !down : numeric(columns[i]!, rows);
    by = i;
    const { value } = columns[i]!;
    order = [...rows].sort((a, b) => compare(value(a), value(b), down));
    heads.forEach((head, k) => {
      if (k === i) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    draw();
  };
  draw();
  return h(
    "div",
    {},
    h("div", { class: "scroll tall", tabindex: 0, role: "region", "aria-label": name }, h("table", { class: "dense" }, h("thead", {}, h("tr", {}, ...heads)), body)),
    more,
    h(
      "p",
      { class: "controls" },
      download("Take along as CSV", `${file(name)}.csv`, "text/csv", () => csv(columns, order)),
      download("VOTable", `${file(name)}.vot`, "application/x-votable+xml", () => votable(name, columns, order)),
    ),
  );
}

/** A button that gives a file. */
export function download(words: string, name: string, type: string, make: () => string): HTMLButtonElement {
  return h("button", {
    type: "button",
    onclick: () => {
      const address = URL.createObjectURL(new Blob([make()], { type }));
      h("a", { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
    },
  }, words);
}

function numeric<Row>(column: Column<Row>, rows: Row[]): boolean {
  return rows.some((row) => typeof column.value(row) === "number");
}

/** What has no value comes last, whichever way the order goes. */
function compare(a: string | number | undefined, b: string | number | undefined, down: boolean): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  return down ? -order : order;
}

function file(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}
