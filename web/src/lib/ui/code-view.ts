import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { python } from '@codemirror/lang-python';
import {
  HighlightStyle,
  StreamLanguage,
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from '@codemirror/language';
import { Compartment, EditorState } from '@codemirror/state';
import type { Extension } from '@codemirror/state';
import {
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';

export type Language = 'python' | 'shell';

export interface CodeOptions {
  readonly value: string;
  readonly language: Language;
  readonly label: string;
  readonly isReadOnly: boolean;
  readonly describedBy: string | undefined;
  readonly onchange: (value: string) => void;
}

export interface CodeView {
  readonly setValue: (value: string) => void;
  readonly setLanguage: (language: Language) => void;
  readonly setDescription: (describedBy: string | undefined, isInvalid: boolean) => void;
  readonly destroy: () => void;
}

const shellWords =
  /^(?:if|then|elif|else|fi|for|in|do|done|while|until|case|esac|function|return|exit|export|local|set|trap|exec|eval)\b/;

/** Enough of the shell's grammar to tell words, texts and comments apart. */
const shell = StreamLanguage.define<{ quote: string | null }>({
  name: 'shell',
  startState: () => ({ quote: null }),
  token: (stream, state) => {
    if (state.quote === null && stream.eatSpace()) return null;
    const next = stream.peek() ?? '';
    if (state.quote === null && next === '#' && (stream.sol() || /\s/.test(stream.string[stream.pos - 1] ?? ' '))) {
      stream.skipToEnd();
      return 'comment';
    }
    if (state.quote !== null || next === '"' || next === "'") {
      const quote = state.quote ?? (stream.next() as string);
      state.quote = quote;
      for (let char = stream.next(); char !== undefined && char !== null; char = stream.next()) {
        if (char === '\\' && quote === '"') stream.next();
        else if (char === quote) {
          state.quote = null;
          break;
        }
      }
      return 'string';
    }
    if (stream.match(/^\$(?:\{[^}]*\}|[A-Za-z_]\w*|[0-9@*#?$!-])/) !== null) return 'variableName';
    if (stream.match(shellWords) !== null) return 'keyword';
    if (stream.match(/^\d+\b/) !== null) return 'number';
    if (stream.match(/^[\w./-]+/) === null) stream.next();
    return null;
  },
  languageData: { commentTokens: { line: '#' } },
});

const languages: Readonly<Record<Language, () => Extension>> = { python, shell: () => shell };

const colours = HighlightStyle.define([
  {
    tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword, tags.definitionKeyword, tags.moduleKeyword],
    color: 'var(--ansi-5)',
  },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--ansi-2)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--ansi-3)' },
  { tag: tags.comment, color: 'var(--ink-3)', fontStyle: 'italic' },
  {
    tag: [
      tags.function(tags.variableName),
      tags.function(tags.definition(tags.variableName)),
      tags.definition(tags.className),
    ],
    color: 'var(--ansi-4)',
  },
  { tag: [tags.className, tags.typeName, tags.self], color: 'var(--ansi-6)' },
]);

const look = EditorView.theme({
  '&': { fontSize: '12px', backgroundColor: 'transparent', color: 'var(--ink)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--font-mono)', lineHeight: '20px' },
  '.cm-content': { padding: '8px 0', caretColor: 'var(--ink)' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--ink-3)', border: 'none' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--hover) 70%, transparent)' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--selection) !important',
  },
  '.cm-specialChar': { color: 'var(--fail)' },
});

/** Tab indents, so there must be a way out: Escape and then Tab, as CodeMirror offers it, and Ctrl-M to switch for good. */
const writing = (onchange: (value: string) => void): Extension => [
  history(),
  indentOnInput(),
  bracketMatching(),
  highlightActiveLine(),
  keymap.of([indentWithTab, ...defaultKeymap, ...historyKeymap]),
  EditorView.updateListener.of((update) => {
    if (update.docChanged) onchange(update.state.doc.toString());
  }),
];
const reading: Extension = [EditorState.readOnly.of(true), EditorView.editable.of(false)];

export const openCodeView = (parent: HTMLElement, options: CodeOptions): CodeView => {
  const language = new Compartment();
  const description = new Compartment();
  const attributes = (describedBy: string | undefined, isInvalid: boolean): Extension =>
    EditorView.contentAttributes.of({
      'aria-label': options.label,
      tabindex: '0',
      ...(describedBy === undefined ? {} : { 'aria-describedby': describedBy }),
      ...(isInvalid ? { 'aria-invalid': 'true' } : {}),
    });
  const view = new EditorView({
    parent,
    doc: options.value,
    extensions: [
      lineNumbers(),
      highlightSpecialChars(),
      drawSelection(),
      indentUnit.of('    '),
      syntaxHighlighting(colours),
      look,
      language.of(languages[options.language]()),
      description.of(attributes(options.describedBy, false)),
      options.isReadOnly ? reading : writing(options.onchange),
    ],
  });
  return {
    setValue: (value) => {
      if (value !== view.state.doc.toString())
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: value } });
    },
    setLanguage: (name) => view.dispatch({ effects: language.reconfigure(languages[name]()) }),
    setDescription: (describedBy, isInvalid) =>
      view.dispatch({ effects: description.reconfigure(attributes(describedBy, isInvalid)) }),
    destroy: () => view.destroy(),
  };
};
