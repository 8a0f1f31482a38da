// Asking in WarpScript: an editor, help from the macros themselves, and the result in the form that suits it.

import { choice, fill, h } from "./dom";
import type { Editor, Word } from "./editor";
import { Problem, problem } from "./problem";
import { FORMS, type Form, bestForm, drawResult } from "./result";
import { type Route, note, settle } from "./route";
import { download } from "./table";
import { notice, waiting } from "./wait";
import { type Stack, exec, limits } from "./warp10";
import { FUNCTION_WORDS, type Macro, fetchMacros, macroWords, signature } from "./words";

const FIRST = `// The light curve of Kepler-11 without its slow changes, and the dips in it.
6541920 'pdcsap.flux' @HELLOEXOWORLD/LIGHTCURVE 1.5 d @HELLOEXOWORLD/DETREND 'flat' STORE
$flat 6 @HELLOEXOWORLD/DIPS
`;

export async function askView(root: HTMLElement, route: Route, signal: AbortSignal): Promise<void> {
  document.title = "Ask in WarpScript";
  await new AskPage(root, route.query, signal).show();
}

class AskPage {
  private readonly host = h("div", { class: "editor" });
  private readonly wait = h("div", { class: "waits" });
  private readonly box = h("div", { class: "result" });
  private readonly bar = h("div", { class: "controls" });
  private readonly help = h("aside", { class: "help", "aria-label": "Macros of this server" });
  private readonly allowed = h("p", { class: "small" });
  private readonly run = h("button", { type: "button", class: "main", onclick: () => void this.execute() }, "Run");
  private readonly stop = h("button", { type: "button", disabled: true, onclick: () => this.running?.abort() }, "Stop");
  private words: Word[] = FUNCTION_WORDS;
  private editor: Editor | undefined;
  private running: AbortController | undefined;
  private drawn: AbortController | undefined;
  private stack: Stack | undefined;
  private form: Form | undefined;

  constructor(
    root: HTMLElement,
    private readonly query: URLSearchParams,
    private readonly signal: AbortSignal,
  ) {
    const form = query.get("form");
    this.form = FORMS.find((one) => one === form);
    fill(
      root,
      h("h1", {}, "Ask in WarpScript"),
      h(
        "div",
        { class: "ask" },
        h(
          "div",
          { class: "writing" },
          this.host,
          h("div", { class: "controls" }, this.run, this.stop, h("span", { class: "small" }, "Ctrl+Enter runs, Ctrl+Space completes. The address of this page has the script in it."), this.bar),
          this.wait,
        ),
        this.help,
        this.box,
      ),
    );
  }

  async show(): Promise<void> {
    const text = this.query.get("script") ?? FIRST;
    // The editor is a third of all scripts, and nobody needs it elsewhere.
    const { createEditor } = await import("./editor.js");
    if (this.signal.aborted) return;
    this.editor = createEditor(this.host, text, () => this.words, {
      run: () => void this.execute(),
      changed: (script) => note({ script }),
    });
    this.host.dataset["ready"] = "true";
    if (this.query.has("run")) void this.execute();
    void limits().then(({ maxtime, points }) => {
      this.allowed.textContent = `A script may run for ${maxtime} s and read ${points.toLocaleString("en")} points.`;
    });
    const known = new Map<string, Macro | undefined>();
    const macros = await waiting(this.help, "Asking the macros what they do …", this.signal, () => fetchMacros(known, this.signal));
    if (!macros) return;
    this.words = [...macroWords(macros), ...FUNCTION_WORDS];
    this.describe(macros);
  }

  private describe(macros: Macro[]): void {
    fill(
      this.help,
      h("h2", {}, "Macros of this server"),
      !macros.length && h("p", {}, "The server has none."),
      ...macros.map((macro) =>
        h(
          "details",
          {},
          h("summary", {}, h("code", {}, `@${macro.name}`)),
          h("p", {}, h("code", {}, signature(macro))),
          h("p", {}, macro.desc),
          h("dl", {}, ...Object.entries(macro.params).flatMap(([name, about]) => [h("dt", {}, name), h("dd", {}, about)])),
          ...macro.examples.map((example) => h("p", {}, h("button", { type: "button", onclick: () => this.take(example) }, "Take this example"), " ", h("code", {}, example))),
        ),
      ),
      this.allowed,
      h("p", { class: "small" }, "All functions of WarpScript are described in the documentation of Warp 10."),
    );
  }

  private take(script: string): void {
    this.editor?.set(`${script}\n`);
    this.editor?.focus();
  }

  private async execute(): Promise<void> {
    const { editor } = this;
    if (!editor) return;
    const script = editor.text();
    note({ script });
    settle();
    editor.fault(undefined);
    const most = (await limits()).script_bytes;
    const bytes = new TextEncoder().encode(script).length;
    if (bytes > most) {
      fill(this.wait, notice(new Problem(`The script has ${bytes.toLocaleString("en")} bytes, and the server takes ${most.toLocaleString("en")}.`, "Make it shorter.")));
      return;
    }
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    this.stop.disabled = false;
    const began = performance.now();
    const either = AbortSignal.any([this.signal, running.signal]);
    const stack = await waiting(this.wait, "The script runs …", either, async () => {
      try {
        return await exec(script, either, true);
      } catch (error) {
        if (!either.aborted) {
          fill(this.box);
          editor.fault(problem(error).line);
        }
        throw error;
      }
    });
    if (this.running === running) this.stop.disabled = true;
    if (running.signal.aborted && !this.signal.aborted && this.running === running) fill(this.wait, h("p", { role: "status" }, "Stopped: the answer is no longer awaited."));
    if (!stack) return;
    this.stack = stack;
    const seconds = ((performance.now() - began) / 1000).toFixed(2);
    this.draw(this.form ?? bestForm(stack), seconds);
  }

  private draw(form: Form, seconds: string): void {
    const { stack } = this;
    if (!stack) return;
    fill(
      this.bar,
      choice("Show as", FORMS.map((one) => [one, one]), form, (value) => {
        this.form = value as Form;
        note({ form: value });
        this.draw(this.form, seconds);
      }),
      download("Save JSON", "result.json", "application/json", () => JSON.stringify(stack)),
      h("span", { class: "small", role: "status" }, `${stack.length === 1 ? "1 value" : `${stack.length} values`} after ${seconds} s`),
    );
    this.drawn?.abort();
    this.drawn = new AbortController();
    drawResult(this.box, stack, form, AbortSignal.any([this.signal, this.drawn.signal]));
    this.box.dataset["form"] = form;
  }
}
