/** `bpflab disasm OBJ`: every program's instructions with the source lines that they came from, or its control flow as a graph. */
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { disassembleLines, helperName, openObject, type ProgramSpec, programToDot } from '../../index.ts';
import { inFile } from '../in-file.ts';
import type { Io } from '../io.ts';
import { printJson } from '../json.ts';
import { noPrograms } from '../notes.ts';
import { unknownName } from '../report.ts';

interface DisasmOptions {
  readonly prog?: string;
  readonly llvm?: boolean;
  readonly source: boolean;
  readonly dot?: boolean;
  readonly json?: boolean;
}

interface Line {
  readonly insn: number;
  readonly text: string;
  readonly subprog?: string;
  readonly source?: { readonly file: string; readonly line: number; readonly text: string };
}

export function define(command: Command, io: Io): void {
  command
    .argument('<object>', 'object file of either byte order; - for stdin')
    .option('--prog <name>', 'only this program')
    .option('--llvm', "LLVM's syntax instead of the verifier log's")
    .option('--no-source', 'without source lines')
    .addOption(new Option('--dot', 'control flow graphs for Graphviz').conflicts('json'))
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  bpflab disasm xdp.bpf.o
  bpflab disasm xdp.bpf.o --prog parse_udp --llvm --no-source
  bpflab disasm xdp.bpf.o --prog parse_udp --dot
`,
    )
    .action((file: string, options: DisasmOptions) => {
      run(file, options, io);
    });
}

function run(file: string, options: DisasmOptions, io: Io): void {
  const object = inFile(file, () => openObject(io.read(file), { name: basename(file) }));
  const programs = object.programs.filter(
    (program) => options.prog === undefined || program.name === options.prog,
  );
  if (programs.length === 0) {
    const names = object.programs.map((program) => program.name);
    if (options.prog !== undefined) throw unknownName('program', options.prog, file, names);
    noPrograms(file, io);
  }
  if (options.dot === true) {
    for (const program of programs) io.out(inFile(file, () => dotOf(program, options)));
    return;
  }
  const listings = programs.map((program) => ({ program, lines: linesOf(program, options) }));
  if (options.json === true) {
    const body = listings.map(({ program, lines }) => ({
      name: program.name,
      section: program.section,
      insns: lines,
    }));
    printJson(io, 'disasm', { object: object.name, programs: body });
    return;
  }
  for (const { program, lines } of listings) {
    io.out(`${io.color.bold(`${program.name}:`)} ${io.color.dim(`; section ${program.section}`)}\n`);
    for (const line of lines) io.out(renderLine(line, program, io));
    io.out('\n');
  }
}

function linesOf(program: ProgramSpec, options: DisasmOptions): Line[] {
  const references = new Map(program.references.map((reference) => [reference.insn, reference]));
  const listing = disassembleLines(program.insns, {
    syntax: options.llvm === true ? 'llvm' : 'kernel',
    names: {
      helper: helperName,
      imm64: ({ slot }) => {
        const reference = references.get(slot);
        switch (reference?.kind) {
          case 'map':
            return `map[${reference.map}]`;
          case 'map-value':
            return `map[${reference.map}]+${reference.offset}`;
          case 'extern':
            return `extern[${reference.name}]`;
          case undefined:
            return undefined;
        }
      },
    },
  });
  const subprogs = new Map(program.subprogs.map((subprog) => [subprog.start, subprog.name]));
  const sources = new Map(program.lineInfo.map((info) => [info.insn, info]));
  return listing.map(({ slot, text }) => {
    const subprog = subprogs.get(slot);
    const source = options.source ? sources.get(slot) : undefined;
    return {
      insn: slot,
      text,
      ...(subprog === undefined ? {} : { subprog }),
      ...(source === undefined
        ? {}
        : { source: { file: source.file, line: source.line, text: source.text } }),
    };
  });
}

function dotOf(program: ProgramSpec, options: DisasmOptions): string {
  const texts = new Map(linesOf(program, options).map(({ insn, text }) => [insn, text]));
  return programToDot(program.insns, program.subprogs, (slot) => texts.get(slot) ?? '');
}

function renderLine(line: Line, program: ProgramSpec, io: Io): string {
  const label = line.subprog !== undefined && line.insn > 0 ? `\n${io.color.bold(`${line.subprog}:`)}\n` : '';
  const source =
    line.source === undefined || line.source.text === ''
      ? ''
      : io.color.dim(`; ${line.source.text.trim()} @ ${basename(line.source.file)}:${line.source.line}\n`);
  const width = String(program.insns.length).length;
  return `${label}${source}${String(line.insn).padStart(width)}: ${line.text}\n`;
}
