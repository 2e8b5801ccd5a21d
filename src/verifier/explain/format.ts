/** An explanation as lines of text. Colours are the caller's: it says how each kind of text is painted. */
import type { BoundFact, BranchFact, CodePlace, Explanation, OriginFact, RegisterFact } from './types.ts';

/** How kinds of text look: each gets a text and returns it with its colour. */
export interface Paint {
  /** What went wrong. */
  readonly error: (text: string) => string;
  /** Titles of parts. */
  readonly heading: (text: string) => string;
  /** Source lines. */
  readonly source: (text: string) => string;
  /** Instructions, states, places: for who wants to know more. */
  readonly detail: (text: string) => string;
}

const plain = (text: string): string => text;
const PLAIN: Paint = { error: plain, heading: plain, source: plain, detail: plain };

/** Branches that are shown; earlier ones are counted. */
const MAX_BRANCHES = 16;
const WIDTH = 100;

/** The whole explanation, ending in a line end. */
export function formatExplanation(explanation: Explanation, paint: Paint = PLAIN): string {
  const { title, meaning, advice, place, failure } = explanation;
  const lines = [paint.error(`${title}.`)];
  lines.push(...wrap(meaning, '  '));
  lines.push(
    `  ${paint.detail(`The kernel's words: ${failure.message === '' ? '(none)' : failure.message}`)}`,
  );
  const part = (heading: string, content: readonly string[]): void => {
    if (content.length > 0) lines.push('', paint.heading(heading), ...content);
  };
  part('Where', place === undefined ? [] : placeLines(place, paint));
  part(
    'Called from',
    explanation.calls.flatMap((call) => placeLines(call, paint)),
  );
  part(
    'What it reads',
    explanation.registers.map((register) => registerLine(register, paint)),
  );
  part('How the path led there', branchLines(explanation.branches, paint));
  part(
    'Where the value came from',
    explanation.origin.flatMap((fact) => originLines(fact, paint)),
  );
  part(
    'What limits it',
    explanation.bounds.flatMap((fact) => boundLines(fact, paint)),
  );
  part(
    'Where the verifier spent its time',
    explanation.busiest.flatMap(({ place: busy, visits }) => [
      `  ${visits} visits`,
      ...placeLines(busy, paint).map((line) => `  ${line}`),
    ]),
  );
  part(
    'What to do',
    advice.flatMap((one) => wrap(one, '    ', '  - ')),
  );
  return `${lines.join('\n')}\n`;
}

/** `file.c:12: source line`, then the instruction. */
function placeLines({ insn, text, source }: CodePlace, paint: Paint): string[] {
  const code = paint.detail(`insn ${insn}: ${text}`);
  if (source === undefined) return [`  ${code}`];
  return [`  ${sourceText(source, paint)}`, `    ${code}`];
}

function sourceText(source: NonNullable<CodePlace['source']>, paint: Paint): string {
  const name = source.file.slice(source.file.lastIndexOf('/') + 1);
  return `${paint.detail(`${name}:${source.line}:`)} ${paint.source(source.text)}`;
}

function registerLine({ name, state, meaning, culprit }: RegisterFact, paint: Paint): string {
  const label = culprit ? paint.error(name) : name;
  return `  ${label} is ${meaning}  ${paint.detail(state)}`;
}

function branchLines(branches: readonly BranchFact[], paint: Paint): string[] {
  const hidden = branches.length - MAX_BRANCHES;
  const shown = hidden > 0 ? branches.slice(hidden) : branches;
  const lines = shown.flatMap(({ place, condition, taken, decided, times }) => {
    const side = `${condition}: ${taken ? 'jump' : 'no jump'}${decided ? ', the only way' : ''}${timesText(times)}`;
    const code = `${side}  ${paint.detail(`insn ${place.insn}: ${place.text}`)}`;
    return place.source === undefined
      ? [`  ${code}`]
      : [`  ${sourceText(place.source, paint)}`, `    ${code}`];
  });
  return hidden > 0 ? [`  … ${hidden} earlier branches`, ...lines] : lines;
}

function timesText(times: number): string {
  return times === 1 ? '' : ` (${times} times)`;
}

function originLines({ place, name, what, state, meaning, times }: OriginFact, paint: Paint): string[] {
  const lost = state === '?';
  const lines = [
    `    ${name} ${what}${timesText(times)}${lost ? '' : `: ${meaning}`}  ${paint.detail(lost ? '' : state)}`.trimEnd(),
  ];
  lines.push(`      ${paint.detail(`insn ${place.insn}: ${place.text}`)}`);
  return place.source === undefined ? lines : [`  ${sourceText(place.source, paint)}`, ...lines];
}

function boundLines({ value, place, rule, reason }: BoundFact, paint: Paint): string[] {
  const lines = [`  ${value}: ${reason}${rule === undefined ? '' : ` ${paint.detail(`[${rule}]`)}`}`];
  if (place === undefined) return lines;
  return [
    ...lines,
    `    ${paint.detail(`insn ${place.insn}: ${place.text}`)}${place.source === undefined ? '' : `  ${sourceText(place.source, paint)}`}`,
  ];
}

/** Breaks a text into lines of some width. */
function wrap(text: string, indent: string, first = indent): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = indent;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}
