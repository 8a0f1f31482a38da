// The vetting of a candidate, and the score of the network, in words.

import { fill, h } from "./dom";
import type { Candidate, Star } from "./star_data";

const ORDER = ["odd_even", "secondary", "dominance", "uniqueness", "shape", "size", "duration", "quarters", "brightening"];

export function vettingPanel(star: Star, candidate: Candidate): HTMLElement {
  const against = candidate.comment.toLowerCase();
  const rank = (name: string) => (ORDER.indexOf(name) + ORDER.length + 1) % (ORDER.length + 1);
  const tests = [...candidate.tests].sort((a, b) => rank(a.name) - rank(b.name));
  const facts = h("dl", { class: "figures" });
  const fact = (name: string, value: string) => facts.append(h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  fact("period", `${candidate.period.toFixed(6)} d`);
  fact("epoch", `BKJD ${candidate.epoch.toFixed(4)}`);
  fact("duration", `${candidate.duration.toFixed(2)} h`);
  fact("depth", `${candidate.depth.toFixed(0)} ± ${candidate.depthError.toFixed(0)} ppm`);
  fact("SNR", candidate.snr.toFixed(1));
  fact("MES", `${candidate.known["mes"] ?? "–"} (noise reaches ${candidate.known["threshold"] ?? "–"})`);
  fact("transits", `${candidate.transits.length} observed`);
  if (candidate.radius) fact("radius", `${candidate.radius} R⊕`);
  const element = h("div", {});
  fill(
    element,
    h("h2", {}, `Candidate ${candidate.number} of ${star.candidates.length}: ${candidate.disposition.toLowerCase()}`),
    facts,
    candidate.comment && h("p", { class: "against" }, candidate.comment),
    score(candidate),
    h(
      "table",
      { class: "tests" },
      h("caption", { class: "unseen" }, "Tests of the vetting"),
      h("tbody", {}, ...tests.map((test) => {
        const speaksAgainst = test.verdict !== "" && against.includes(test.verdict.toLowerCase().replace(/\.$/, ""));
        return h(
          "tr",
          speaksAgainst ? { class: "against" } : {},
          h("th", { scope: "row" }, test.name.replace("_", " and ")),
          h("td", {}, speaksAgainst && h("strong", {}, "against: "), test.verdict),
        );
      })),
    ),
    plots(star.number, candidate),
  );
  return element;
}

/**
 * The candidate's page of plots, which is loaded as it is opened. The front has it where the search's play has
 * brought it; it counts where it is of the search that the candidate is of.
 */
function plots(star: string, candidate: Candidate): HTMLElement {
  const box = h("div", { class: "plots" });
  const folder = `/candidates/${star}`;
  void fetch(`${folder}/run`)
    .then(async (answer) => answer.ok && (await answer.text()).trim() === candidate.run)
    .catch(() => false)
    .then((there) => {
      if (!there) return;
      const source = `${folder}/${candidate.number}.png`;
      const page = h("div", {});
      const open = () =>
        fill(
          page,
          h("a", { href: source }, h("img", { src: source, alt: `Plots of candidate ${candidate.number} of star ${star}: what the table above says, to be seen` })),
        );
      fill(box, h("details", { ontoggle: open }, h("summary", {}, "Page of plots"), page));
    });
  return box;
}

function score(candidate: Candidate): HTMLElement | false {
  const { score: said } = candidate;
  if (!said) return false;
  const bar = (name: string, value: number) => {
    if (!Number.isFinite(value)) return false;
    const meter = h("meter", { min: 0, max: 1, value, "aria-label": `probability of ${name}` });
    return h("div", { class: "probability" }, h("span", {}, name), meter, h("span", { class: "n" }, value.toFixed(3)));
  };
  return h(
    "div",
    { class: "score" },
    h("h3", {}, "Score of the network"),
    bar("planet", said.planet),
    bar("eclipse", said.eclipse),
    bar("noise", said.noise),
    h(
      "p",
      { class: "small" },
      `Calibrated probabilities; the ensemble's members differ by ${said.spread.toFixed(3)}. Model ${said.model}. `,
      said.outside && h("strong", {}, "The candidate lies outside of what the model was trained on: do not trust this score."),
    ),
  );
}
