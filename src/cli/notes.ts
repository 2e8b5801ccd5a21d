/** Remarks on stderr that say why a command did nothing: no errors, but rarely what was wanted. */
import type { BpfObject } from '../index.ts';
import type { Io } from './io.ts';

/** The object has no programs at all. */
export function noPrograms(file: string, io: Io): void {
  note(
    io,
    `${file} has no programs: a program is a function in a section that names its type, such as SEC("xdp")`,
  );
}

/** Why nothing ran: there are no programs, none is loaded, or none waits for what was fired. */
export function explainNothing(file: string, object: BpfObject, events: readonly string[], io: Io): void {
  if (object.programList.length === 0) {
    noPrograms(file, io);
    return;
  }
  const loaded = object.programList.filter((program) => program.isLoaded);
  if (loaded.length === 0) {
    const names = shorten(object.programList.map((program) => program.name));
    note(io, `the programs are loaded only when --prog names them: ${names}`);
  } else if (events.length > 0) {
    const where = shorten(loaded.map((program) => `${program.name} is in SEC("${program.spec.section}")`));
    note(io, `no program waits for ${events.map((event) => `'${event}'`).join(', ')}: ${where}`);
  }
}

const MOST_NAMES = 5;

function shorten(parts: readonly string[]): string {
  return parts.slice(0, MOST_NAMES).join(', ') + (parts.length > MOST_NAMES ? ', …' : '');
}

/** One line that begins with `note:`. */
export function note(io: Io, text: string): void {
  io.err(`${io.errColor.yellow('note')}: ${text}\n`);
}
