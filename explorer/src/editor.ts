// The editor for WarpScript: CodeMirror in a shadow root, whose styles need no inline style.

import { type Completion, type CompletionContext, autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

export interface Word {
  /** As it stands in a script: FETCH, @HELLOEXOWORLD/FOLD. */
  name: string;
  /** What it takes and gives, in some words. */
  detail: string;
  about: string;
}

export interface Editor {
  text: () => string;
  set: (text: string) => void;
  /** Mark the line of an error, from 1; none where it is undefined. */
  fault: (line: number | undefined) => void;
  focus: () => void;
}

const warpscript = StreamLanguage.define<{ comment: boolean; multi: boolean }>({
  name: "warpscript",
  startState: () => ({ comment: false, multi: false }),
  token(stream, state) {
    if (state.comment || stream.match("/*")) {
      state.comment = !stream.match(/^.*?\*\//);
      if (state.comment) stream.skipToEnd();
      return "comment";
    }
    if (state.multi || stream.match(/^<'\s*$/)) {
      state.multi = !(state.multi && stream.match(/^\s*'>\s*$/));
      stream.skipToEnd();
      return "string";
    }
    if (stream.match(/^(\/\/|#).*/)) return "comment";
    if (stream.match(/^'[^']*'?|^"[^"]*"?/)) return "string";
    if (stream.match(/^-?(0x[\da-fA-F]+|\d+(\.\d+)?([eE][+-]?\d+)?)(?=\s|$)/)) return "number";
    if (stream.match(/^[$!][^\s]+/)) return "variableName";
    if (stream.match(/^@[^\s]+/)) return "macroName";
    if (stream.match(/^(<%|%>|<S|S>|[[\]{}()])/)) return "bracket";
    if (stream.match(/^(true|false|NULL|T|F|NaN)(?=\s|$)/)) return "atom";
    if (stream.match(/^[A-Za-z][^\s]*/)) return "keyword";
    stream.next();
    return null;
  },
});

const colours = HighlightStyle.define([
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
  { tag: tags.string, color: "var(--even)" },
  { tag: tags.number, color: "var(--odd)" },
  { tag: tags.atom, color: "var(--odd)" },
  { tag: tags.variableName, color: "var(--mark-4)" },
  { tag: tags.macroName, color: "var(--accent)", fontWeight: "600" },
  { tag: tags.keyword, color: "var(--ink)" },
]);

const theme = EditorView.theme({
  "&": { fontSize: "14px", backgroundColor: "var(--raised)", border: "1px solid var(--rule)", borderRadius: "6px" },
  "&.cm-focused": { outline: "2px solid var(--accent)" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5", minHeight: "14rem", maxHeight: "60vh" },
  ".cm-content": { caretColor: "var(--ink)", color: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--muted)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--accent) 6%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--accent) 25%, transparent)" },
  ".cm-fault": { backgroundColor: "var(--warn-paper)", boxShadow: "inset 3px 0 0 var(--warn)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--ink)", border: "1px solid var(--rule)", borderRadius: "6px", maxWidth: "34rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--paper)" },
  ".cm-completionDetail": { color: "inherit", fontStyle: "normal", fontSize: "0.85em", opacity: "0.85" },
  ".cm-completionInfo": { padding: "0.5rem 0.7rem", font: "13px/1.4 system-ui, sans-serif" },
});

const setFault = StateEffect.define<number | undefined>();
const faultLine = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(setFault)) continue;
      const line = effect.value;
      if (line === undefined || line < 1 || line > transaction.state.doc.lines) return Decoration.none;
      return Decoration.set([Decoration.line({ class: "cm-fault" }).range(transaction.state.doc.line(line).from)]);
    }
    return marks.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Make an editor within an element. */
export function createEditor(
  host: HTMLElement,
  text: string,
  words: () => Word[],
  on: { run: () => void; changed: (text: string) => void },
): Editor {
  const root = host.attachShadow({ mode: "open" });
  const complete = (context: CompletionContext) => {
    const before = context.matchBefore(/@?[\w./>-]+/);
    if (!before || (before.from === before.to && !context.explicit)) return null;
    const options = words().map(
      ({ name, detail, about }): Completion => ({ label: name, detail, info: about, type: name.startsWith("@") ? "function" : "keyword" }),
    );
    return { from: before.from, options, validFor: /^@?[\w./>-]*$/ };
  };
  const run = () => {
    on.run();
    return true;
  };
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        keymap.of([{ key: "Mod-Enter", run }]),
        lineNumbers(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        bracketMatching(),
        EditorView.lineWrapping,
        warpscript,
        syntaxHighlighting(colours),
        autocompletion({ override: [complete], icons: false }),
        // Tab goes on to the next field, so that nobody is caught in the editor.
        keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap]),
        EditorView.contentAttributes.of({ "aria-label": "WarpScript" }),
        EditorView.updateListener.of((update) => update.docChanged && on.changed(update.state.doc.toString())),
        theme,
        faultLine,
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    set: (given) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: given } }),
    fault: (line) => {
      const effects: StateEffect<unknown>[] = [setFault.of(line)];
      if (line && line <= view.state.doc.lines) effects.push(EditorView.scrollIntoView(view.state.doc.line(line).from));
      view.dispatch({ effects });
    },
    focus: () => view.focus(),
  };
}
