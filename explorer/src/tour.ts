// The tour, a step at a time. Each script can be changed and run on the spot.

import { fill, h } from "./dom";
import { bestForm, drawResult } from "./result";
import { type Route, address } from "./route";
import { STEPS } from "./steps";
import { waiting } from "./wait";
import { exec } from "./warp10";

export async function tourView(root: HTMLElement, route: Route, signal: AbortSignal): Promise<void> {
  const number = Math.min(Math.max(Number(route.path[1] ?? 1) || 1, 1), STEPS.length);
  const step = STEPS[number - 1]!;
  document.title = `Tour ${number}: ${step.title}`;
  const script = h("textarea", { class: "script", spellcheck: "false", "aria-label": `Script of step ${number}`, rows: step.script.split("\n").length + 1 });
  script.value = step.script;
  const wait = h("div", { class: "waits" });
  const result = h("div", { class: "result" });
  const after = h("div", {});
  const ask = h("a", { href: address(["ask"], { script: step.script }) }, "Open it in the editor");
  script.addEventListener("input", () => ask.setAttribute("href", address(["ask"], { script: script.value })));
  let drawn: AbortController | undefined;
  let running: AbortController | undefined;
  const run = async () => {
    running?.abort();
    running = new AbortController();
    const either = AbortSignal.any([signal, running.signal]);
    fill(result);
    const stack = await waiting(wait, "The script runs …", either, () => exec(script.value, either, true));
    if (!stack) return;
    drawn?.abort();
    drawn = new AbortController();
    drawResult(result, stack, bestForm(stack), AbortSignal.any([signal, drawn.signal]));
    fill(after, h("p", { class: "after" }, step.after));
    after.dataset["done"] = String(number);
  };
  script.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void run();
  });
  fill(
    root,
    h(
      "div",
      { class: "tour" },
      h("nav", { "aria-label": "Steps" }, h("ol", {}, ...STEPS.map(({ title }, i) => h("li", {}, h("a", { href: address(["tour", i + 1]), "aria-current": i + 1 === number && "step" }, title))))),
      h(
        "article",
        {},
        h("p", { class: "small" }, `Step ${number} of ${STEPS.length}`),
        h("h1", {}, step.title),
        ...step.before.map((words) => h("p", {}, words)),
        script,
        h("div", { class: "controls" }, h("button", { type: "button", class: "main", onclick: () => void run() }, "Run"), ask),
        wait,
        result,
        after,
        h(
          "p",
          { class: "controls" },
          number > 1 && h("a", { href: address(["tour", number - 1]) }, `← ${STEPS[number - 2]!.title}`),
          number < STEPS.length && h("a", { href: address(["tour", number + 1]) }, `${STEPS[number]!.title} →`),
          number === STEPS.length && h("a", { href: address(["find"]) }, "Find a star →"),
        ),
      ),
    ),
  );
}
