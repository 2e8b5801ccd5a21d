/** `bpflab inspect OBJ`: what an object file holds, of either byte order, without running it. */
import { basename } from 'node:path';
import type { Command } from 'commander';
import {
  attachTypeName,
  describeFlags,
  dumpC,
  dumpRaw,
  type ElfFile,
  type MapSpec,
  type ObjectSpec,
  openObject,
  type ProgramSpec,
  RELOCATION_NAMES,
  readElf,
  readRelocations,
  SECTION_TYPE_NAMES,
  SHT_REL,
  shortMapType,
  shortProgType,
} from '../../index.ts';
import { inFile } from '../in-file.ts';
import type { Io } from '../io.ts';
import { printJson } from '../json.ts';
import { type Column, renderTable } from '../render/table.ts';
import { usageError } from '../report.ts';

interface InspectOptions {
  readonly btf?: string | true;
  readonly json?: boolean;
}

interface RelocationRow {
  readonly section: string;
  readonly offset: number;
  readonly type: string;
  readonly symbol: string;
}

const FORMATS: readonly string[] = ['c', 'raw'];

const HELP = `
Examples:
  bpflab inspect xdp.bpf.o
  bpflab inspect xdp.bpf.o --btf               the types as C declarations
  bpflab inspect xdp.bpf.o --btf raw           … and as bpftool prints them
  bpflab inspect xdp.bpf.o --json
`;

export function define(command: Command, io: Io): void {
  command
    // `--btf prog.bpf.o`: the parser takes the file for the format, so it must not insist on an object.
    .usage('[options] <object>')
    .argument('[object]', 'object file; - for stdin')
    .option('--btf [format]', 'print the types instead: c (default) or raw')
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .action((file: string | undefined, options: InspectOptions, command: Command) => {
      const { btf } = options;
      if (file !== undefined) run(file, options, io);
      else if (typeof btf === 'string' && !FORMATS.includes(btf)) run(btf, { ...options, btf: true }, io);
      else command.error("error: missing required argument 'object'");
    });
}

function run(file: string, options: InspectOptions, io: Io): void {
  const bytes = io.read(file);
  const { object, elf } = inFile(file, () => ({
    object: openObject(bytes, { name: basename(file) }),
    elf: readElf(bytes),
  }));
  if (options.btf !== undefined) {
    printTypes(object, options.btf, options.json === true, io);
    return;
  }
  const relocations = relocationsOf(elf);
  if (options.json === true) printJson(io, 'inspect', jsonBody(object, relocations));
  else printAll(object, relocations, io);
}

function printTypes(object: ObjectSpec, format: string | true, json: boolean, io: Io): void {
  const { btf } = object;
  if (btf === undefined) throw usageError(`${object.name} has no BTF: compile it with -g`);
  if (format !== true && !FORMATS.includes(format)) throw usageError(`--btf takes c or raw, not '${format}'`);
  if (!json) io.out(format === 'raw' ? dumpRaw(btf) : dumpC(btf));
  else if (format === 'raw') printJson(io, 'inspect', { object: object.name, types: [...btf] });
  else printJson(io, 'inspect', { object: object.name, c: dumpC(btf) });
}

function relocationsOf(elf: ElfFile): RelocationRow[] {
  const tables = elf.sections.filter((section) => section.type === SHT_REL);
  return tables.flatMap((section) => {
    const target = elf.sections[section.info]?.name ?? '';
    return readRelocations(elf, section).map((relocation) => {
      const symbol = elf.symbols[relocation.symbol];
      // A symbol that stands for a section has no name of its own.
      const name = symbol?.name === '' ? (elf.sections[symbol.section]?.name ?? '') : (symbol?.name ?? '');
      return {
        section: target,
        offset: relocation.offset,
        type: RELOCATION_NAMES.get(relocation.type) ?? `type ${relocation.type}`,
        symbol: name,
      };
    });
  });
}

function jsonBody(object: ObjectSpec, relocations: readonly RelocationRow[]): Record<string, unknown> {
  return {
    object: object.name,
    byteOrder: object.byteOrder,
    license: object.license,
    kernelVersion: object.kernelVersion,
    btfTypes: object.btf === undefined ? 0 : object.btf.typeCount,
    programs: object.programs.map((program) => ({
      name: program.name,
      section: program.section,
      type: shortProgType(program.type),
      attachType: program.attachType,
      attachTarget: program.attachTarget,
      insns: program.insns.length,
      subprogs: program.subprogs,
      maps: mapsOf(program),
      coreRelocations: program.coreRelocs.length,
      autoload: program.autoload,
      ...(program.linkError === undefined ? {} : { linkError: program.linkError.message }),
    })),
    maps: object.maps.map((map) => ({
      name: map.name,
      section: map.section,
      type: shortMapType(map.type),
      keySize: map.keySize,
      valueSize: map.valueSize,
      maxEntries: map.maxEntries,
      flags: map.flags,
      pinning: map.pinning,
      values: map.values,
      variables: map.variables,
    })),
    externs: object.externs.map(({ name, kind, weak }) => ({ name, kind, weak })),
    sections: object.sections,
    relocations,
    notes: object.notes,
  };
}

function printAll(object: ObjectSpec, relocations: readonly RelocationRow[], io: Io): void {
  const license = object.license === '' ? 'no licence' : `licence "${object.license}"`;
  const btf = object.btf === undefined ? 'no BTF' : `BTF with ${object.btf.typeCount} types`;
  io.out(`${io.color.bold(object.name)}: ${object.byteOrder}-endian, ${license}, ${btf}\n`);
  printPart(io, 'Programs', PROGRAM_COLUMNS, object.programs.map(programRow));
  printPart(io, 'Maps', MAP_COLUMNS, object.maps.map(mapRow));
  printPart(
    io,
    'Variables',
    [
      { title: 'NAME' },
      { title: 'SECTION' },
      { title: 'OFFSET', align: 'right' },
      { title: 'BYTES', align: 'right' },
      { title: 'LINKAGE' },
    ],
    object.maps.flatMap((map) =>
      map.variables.map((v) => [v.name, map.section, `${v.offset}`, `${v.size}`, v.linkage]),
    ),
  );
  printPart(
    io,
    'Externs',
    [{ title: 'NAME' }, { title: 'KIND' }, { title: '' }],
    object.externs.map((extern) => [extern.name, extern.kind, extern.weak ? 'weak' : '']),
  );
  printPart(
    io,
    'Sections',
    SECTION_COLUMNS,
    object.sections.map((section) => [
      `${section.index}`,
      section.name,
      SECTION_TYPE_NAMES.get(section.type) ?? `0x${section.type.toString(16)}`,
      `0x${section.offset.toString(16)}`,
      `${section.size}`,
      section.relocations === 0 ? '' : `${section.relocations}`,
    ]),
  );
  printPart(
    io,
    'Relocations',
    [{ title: 'SECTION' }, { title: 'OFFSET', align: 'right' }, { title: 'TYPE' }, { title: 'SYMBOL' }],
    relocations.map((row) => [row.section, `0x${row.offset.toString(16)}`, row.type, row.symbol]),
  );
  for (const note of object.notes) io.err(`${io.errColor.yellow('note')}: ${note}\n`);
}

function printPart(
  io: Io,
  title: string,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): void {
  if (rows.length === 0) return;
  io.out(`\n${io.color.bold(title)}\n${renderTable(columns, rows, { heading: io.color.dim })}`);
}

const PROGRAM_COLUMNS: readonly Column[] = [
  { title: 'NAME' },
  { title: 'SECTION' },
  { title: 'TYPE' },
  { title: 'ATTACH' },
  { title: 'INSNS', align: 'right' },
  { title: 'SUBPROGS', align: 'right' },
  { title: 'CO-RE', align: 'right' },
  { title: 'MAPS' },
];

function programRow(program: ProgramSpec): string[] {
  const attach =
    program.attachTarget === '' && program.attachType !== 0
      ? attachTypeName(program.attachType)
      : program.attachTarget;
  return [
    program.name,
    program.section,
    shortProgType(program.type),
    attach,
    `${program.insns.length}`,
    `${program.subprogs.length - 1}`,
    `${program.coreRelocs.length}`,
    mapsOf(program).join(' '),
  ];
}

function mapsOf(program: ProgramSpec): string[] {
  return [
    ...new Set(
      program.references.flatMap((reference) => (reference.kind === 'extern' ? [] : [reference.map])),
    ),
  ];
}

const MAP_COLUMNS: readonly Column[] = [
  { title: 'NAME' },
  { title: 'SECTION' },
  { title: 'TYPE' },
  { title: 'KEY', align: 'right' },
  { title: 'VALUE', align: 'right' },
  { title: 'ENTRIES', align: 'right' },
  { title: 'FLAGS' },
];

function mapRow(map: MapSpec): string[] {
  const flags = map.flags === 0 ? '' : describeFlags(map.flags);
  return [
    map.name,
    map.section,
    shortMapType(map.type),
    `${map.keySize}`,
    `${map.valueSize}`,
    `${map.maxEntries}`,
    flags,
  ];
}

const SECTION_COLUMNS: readonly Column[] = [
  { title: 'INDEX', align: 'right' },
  { title: 'NAME' },
  { title: 'TYPE' },
  { title: 'OFFSET', align: 'right' },
  { title: 'BYTES', align: 'right' },
  { title: 'RELOCATIONS', align: 'right' },
];
