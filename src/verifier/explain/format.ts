/** An explanation as lines of text. Colours are the caller's: it says how each kind of text is painted. */
import type {
  BoundFact,
  BranchFact,
  CodePlace,
  Explanation,
  OriginFact,
  RegisterFact,
  SourcePlace,
  VisitFact,
} from './types.ts';

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
/** Characters of a line of running text. */
const WIDTH = 100;

/** The whole explanation, ending in a line end. Without `paint`, plain text. */
export function formatExplanation(explanation: Explanation, paint: Paint = PLAIN): string {
  const { title, meaning, advice, place, failure } = explanation;
  const message = failure.message === '' ? '(none)' : failure.message;
  const lines = [paint.error(`${title}.`), ...wrap(meaning, '  ')];
  lines.push(`  ${paint.detail(`The kernel's words: ${message}`)}`);
  const part = (heading: string, content: readonly string[]): void => {
    if (content.length > 0) lines.push('', paint.heading(heading), ...content);
  };
  part('Where', listed(place === undefined ? [] : [place], paint, addPlace));
  part('Called from', listed(explanation.calls, paint, addPlace));
  part(
    'What it reads',
    explanation.registers.map((register) => registerLine(register, paint)),
  );
  part('How the path led there', branchLines(explanation.branches, paint));
  part('Where the value came from', listed(explanation.origin, paint, addOrigin));
  part('What limits it', listed(explanation.bounds, paint, addBound));
  part('Where the verifier spent its time', listed(explanation.busiest, paint, addVisits));
  part(
    'Stack of each function',
    explanation.stacks.map(({ name, bytes }) => `  ${name}: ${bytes} bytes`),
  );
  part(
    'What to do',
    advice.flatMap((one) => wrap(one, '    ', '  - ')),
  );
  return `${lines.join('\n')}\n`;
}

/** Lines below their source lines; a source line is written once for all that follow one another. */
class Listing {
  readonly lines: string[] = [];
  private readonly paint: Paint;
  private source = '';

  constructor(paint: Paint) {
    this.paint = paint;
  }

  add(place: CodePlace | undefined, ...lines: readonly string[]): void {
    const text = place?.source === undefined ? '' : sourceText(place.source, this.paint);
    if (text !== '' && text !== this.source) this.lines.push(`  ${text}`);
    this.source = text;
    const indent = text === '' ? '  ' : '    ';
    for (const line of lines) this.lines.push(indent + line);
  }
}

function listed<T>(
  items: readonly T[],
  paint: Paint,
  add: (listing: Listing, item: T, paint: Paint) => void,
): string[] {
  const listing = new Listing(paint);
  for (const item of items) add(listing, item, paint);
  return listing.lines;
}

/** `file.c:12: source line`. */
function sourceText(source: SourcePlace, paint: Paint): string {
  const name = source.file.slice(source.file.lastIndexOf('/') + 1);
  return `${paint.detail(`${name}:${source.line}:`)} ${paint.source(source.text)}`;
}

function insnText({ insn, text }: CodePlace, paint: Paint): string {
  return paint.detail(`insn ${insn}: ${text}`);
}

function addPlace(listing: Listing, place: CodePlace, paint: Paint): void {
  listing.add(place, insnText(place, paint));
}

function registerLine({ name, state, meaning, culprit }: RegisterFact, paint: Paint): string {
  return `  ${culprit ? paint.error(name) : name} is ${meaning}  ${paint.detail(state)}`;
}

function branchLines(branches: readonly BranchFact[], paint: Paint): string[] {
  const hidden = branches.length - MAX_BRANCHES;
  const lines = listed(hidden > 0 ? branches.slice(hidden) : branches, paint, addBranch);
  return hidden > 0 ? [`  … ${hidden} earlier branches`, ...lines] : lines;
}

function addBranch(listing: Listing, branch: BranchFact, paint: Paint): void {
  const { place, condition, taken, decided, times } = branch;
  const side = `${taken ? 'jumps' : 'goes on'}${decided ? ', the only way' : ''}${timesText(times)}`;
  listing.add(place, `${condition}: ${side}  ${insnText(place, paint)}`);
}

function timesText(times: number): string {
  return times === 1 ? '' : ` (${times} times)`;
}

function addOrigin(listing: Listing, fact: OriginFact, paint: Paint): void {
  const { place, name, what, state, meaning, times } = fact;
  const known = state === '?' ? '' : `: ${meaning}  ${paint.detail(state)}`;
  listing.add(place, `${name} ${what}${timesText(times)}${known}`, `  ${insnText(place, paint)}`);
}

function addBound(listing: Listing, { value, place, rule, reason }: BoundFact, paint: Paint): void {
  const text = `${value}: ${reason}${rule === undefined ? '' : ` ${paint.detail(`[${rule}]`)}`}`;
  if (place === undefined) listing.add(undefined, text);
  else listing.add(place, text, `  ${insnText(place, paint)}`);
}

function addVisits(listing: Listing, { place, visits }: VisitFact, paint: Paint): void {
  listing.add(place, `${visits} visits  ${insnText(place, paint)}`);
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
