// What is known of a star, in words and tables.

import { h } from "./dom";
import type { Candidate, Star } from "./star_data";
import { markColour } from "./theme";

/** Facts about the star in one line: what is unknown is left out. */
export function starFacts(star: Star): HTMLElement[] {
  const { tags } = star;
  const facts: [string, string | undefined][] = [
    ["disposition", tags["disposition"]?.toLowerCase()],
    ["planets", tags["planets"]?.split(",").join(", ")],
    ["KOI", tags["kois"]?.split(",").join(", ")],
    ["temperature", tags["teff"] && `${tags["teff"]} K`],
    ["radius", tags["radius"] && `${tags["radius"]} R☉`],
    ["mission", star.mission],
  ];
  return facts
    .filter((fact): fact is [string, string] => Boolean(fact[1]))
    .map(([name, words]) => h("span", { class: "fact" }, h("span", { class: "name" }, name), " ", words));
}

/** A row for each candidate: which one is folded, and which are marked in the light curve. */
export function candidateTable(
  star: Star,
  chosen: Candidate | undefined,
  folds: boolean,
  on: { marked: (number: number, on: boolean) => void; chosen: (candidate: Candidate) => void },
): HTMLElement {
  if (!star.candidates.length) {
    const found = star.search ? "The search found no candidate." : "This star was not searched yet.";
    return h("p", {}, found, folds && " Any period can be tried with the fold.");
  }
  const scored = star.candidates.some((one) => one.score);
  const rows = star.candidates.map((one) => {
    const mark = h("input", {
      type: "checkbox",
      checked: true,
      "aria-label": `Mark the transits of candidate ${one.number}`,
      onchange: () => on.marked(one.number, mark.checked),
    });
    mark.style.accentColor = markColour(one.number);
    const pick = h("input", {
      type: "radio",
      name: "candidate",
      checked: one === chosen,
      "aria-label": `Fold candidate ${one.number}`,
      // A click on what is chosen already leads back from a typed period.
      onclick: () => on.chosen(one),
    });
    const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = markColour(one.number);
    return h(
      "tr",
      { onclick: (event: Event) => (event.target as Element).closest("input, label") || pick.click() },
      h("td", {}, mark),
      h("td", {}, h("label", {}, pick, swatch, String(one.number))),
      h("td", { class: "n" }, one.period.toFixed(4)),
      h("td", { class: "n" }, one.depth.toFixed(0)),
      h("td", { class: "n" }, one.duration.toFixed(1)),
      h("td", { class: "n" }, one.snr.toFixed(1)),
      h("td", { class: "n" }, one.radius ? Number(one.radius).toFixed(2) : "–"),
      scored && h("td", { class: "n" }, one.score ? one.score.planet.toFixed(3) : "–"),
      h("td", { class: one.disposition === "FALSE POSITIVE" ? "against" : "" }, one.disposition.toLowerCase()),
    );
  });
  const head = (name: string, unit = "") => h("th", { scope: "col" }, name, unit && h("span", { class: "unit" }, ` ${unit}`));
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Candidates" },
    h(
      "table",
      { class: "dense" },
      h(
        "thead",
        {},
        h("tr", {}, head("mark"), head("fold"), head("period", "d"), head("depth", "ppm"), head("duration", "h"), head("SNR"), head("radius", "R⊕"), scored && head("score"), head("disposition")),
      ),
      h("tbody", {}, ...rows),
    ),
  );
}

/** What the search says beside its candidates. */
export function searchWords(star: Star): HTMLElement {
  const { search } = star;
  if (!search) return h("div", {});
  const said: string[] = [];
  if (search.limit !== null) said.push(`A further planet would have been found from a depth of about ${Math.round(search.limit)} ppm on.`);
  if (search.lone.length) {
    said.push(`Single dips that fit no period: ${search.lone.map(([time, depth]) => `BKJD ${time.toFixed(2)} (${depth} ppm)`).join(", ")}.`);
  }
  if (search.pairs.length) {
    said.push(`Two dips that are alike: ${search.pairs.map(([a, b, depth]) => `BKJD ${a.toFixed(2)} and ${b.toFixed(2)} (${depth} ppm)`).join(", ")}.`);
  }
  return h("p", { class: "small" }, said.join(" "));
}
