/**
 * Opens an object file: bytes to ObjectSpec. Puts the parts of this folder in the order of bpf_object_open in
 * tools/lib/bpf/libbpf.c, so that of several faults the same one is reported.
 */
import { BtfError, LoadError } from '../base/errors.ts';
import { MAX_OBJ_NAME } from '../base/limits.ts';
import { parseBtf, parseBtfExt } from '../btf/index.ts';
import { type ElfFile, REL_BYTES, readElf, readRelocations, SHT_REL } from '../elf/index.ts';
import { readBtfMaps } from './btf-maps.ts';
import { type OpenFile, sectionsByName, symbolsBySection } from './context.ts';
import { readDataMaps, readKconfigMap } from './data-maps.ts';
import { type DataSections, type LaidOutFile, placeVariables } from './datasec.ts';
import { ExceptionCallbacks } from './exceptions.ts';
import { type Extern, readExterns } from './externs.ts';
import { type FunctionCode, type Functions, readFunctions } from './functions.ts';
import { readLegacyMaps } from './legacy-maps.ts';
import { Linker } from './link.ts';
import { finishMap, type MapDraft } from './map-draft.ts';
import { collectValuesRelocation } from './map-values.ts';
import type { ObjectSpec, ProgramSpec, SectionSummary } from './object-spec.ts';
import { type CodeReferences, CodeRelocator } from './relocations.ts';
import { programMeaning } from './section-names.ts';
import { sortSections } from './sections.ts';
import { readStructOps, StructOpsSlots } from './struct-ops.ts';

/** How an object is opened; as bpf_object_open_opts. */
export interface OpenOptions {
  /** Name or path of the file: its base name up to the first dot names the object and its data maps. Default `object`. */
  readonly name?: string;
  /** Accept map definitions with unknown members or, in `maps`, with trailing bytes that are not zero. Default false. */
  readonly relaxedMaps?: boolean;
}

/**
 * Opens a BPF object file. Nothing is created, and nothing depends on the machine.
 *
 * @param bytes The file; kept, not copied: map contents are views into it.
 * @throws ElfError when it is no readable BPF object, BtfError when type information that is needed is malformed, LoadError
 *   when libbpf would refuse it. All name the place.
 */
export function openObject(bytes: Uint8Array, options: OpenOptions = {}): ObjectSpec {
  const opened = openFile(bytes, options);
  const functions = readFunctions(opened);
  const externs = readExterns(opened.elf, opened.btf);
  const dataSections: DataSections = opened.btf ? placeVariables(opened, opened.btf) : new Map();
  const file: LaidOutFile = { ...opened, dataSections };
  const maps = readMaps(file, externs);
  const programs = entryPrograms(file, functions);
  const references = collectRelocations(file, functions, programs, maps, externs);
  const finished = maps.map(finishMap);
  const callbacks = new ExceptionCallbacks(file.btf, functions.inSection(file.roles.text?.index ?? 0));
  const linker = new Linker(file, functions, references, finished, callbacks);
  return {
    name: file.name,
    byteOrder: file.elf.byteOrder,
    license: file.roles.license,
    kernelVersion: file.roles.version,
    maps: finished,
    programs: programs.map((code) => specify(code, linker)),
    externs: externs.map((extern) => extern.spec),
    ...(file.btf && { btf: file.btf }),
    sections: summarize(file.elf),
    notes: file.notes,
  };
}

function openFile(bytes: Uint8Array, options: OpenOptions): OpenFile {
  const elf = readElf(bytes);
  if (elf.symbols.length === 0)
    throw new LoadError('no-symbols', 'the file has no symbol table; was it stripped?');
  const roles = sortSections(elf);
  const notes = [...roles.notes];
  const needed = roles.maps !== undefined || roles.structOps.size > 0;
  const { btf: btfSection, btfExt } = roles;
  const btf = btfSection && optional(needed, notes, () => parseBtf(btfSection.data, elf.byteOrder));
  const ext = btf && btfExt && optional(needed, notes, () => parseBtfExt(btfExt.data, btf));
  return {
    name: objectName(options.name ?? 'object'),
    elf,
    sections: sectionsByName(elf),
    symbols: symbolsBySection(elf),
    roles,
    btf,
    ext: ext ?? new Map(),
    relaxedMaps: options.relaxedMaps ?? false,
    notes,
  };
}

/** Type information that cannot be read is an error only where it is needed. */
function optional<T>(needed: boolean, notes: string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (needed || !(error instanceof BtfError)) throw error;
    notes.push(`type information is ignored: ${error.describe()}`);
    return undefined;
  }
}

/** The file's base name up to its first dot, cut as the kernel's names are. */
function objectName(path: string): string {
  const base = path.slice(path.lastIndexOf('/') + 1);
  return (base.split('.')[0] ?? '').slice(0, MAX_OBJ_NAME);
}

/** All maps in libbpf's order; legacy ones, which it has given up, first as they were. */
function readMaps(file: LaidOutFile, externs: readonly Extern[]): MapDraft[] {
  return [
    ...readLegacyMaps(file),
    ...readBtfMaps(file),
    ...readDataMaps(file),
    ...readKconfigMap(file, externs),
    ...readStructOps(file),
  ];
}

/** What lies in .text is linked to the programs that reach it, and is no program itself. */
function entryPrograms(file: OpenFile, functions: Functions): FunctionCode[] {
  return functions.all.filter((code) => code.section !== file.roles.text);
}

/** Goes through all relocations: fills the slots of maps, and gives what instructions refer to. */
function collectRelocations(
  file: LaidOutFile,
  functions: Functions,
  programs: readonly FunctionCode[],
  maps: readonly MapDraft[],
  externs: readonly Extern[],
): CodeReferences {
  const code = new CodeRelocator(file, functions, maps, externs);
  const targets = {
    maps: firstByName(maps, (map) => map.spec.name),
    programs: firstByName(programs, (p) => p.name),
  };
  const bySection = groupBySection(maps);
  for (const section of file.roles.relocations) {
    const target = file.elf.sections[section.info];
    if (target === undefined) continue;
    const defined = bySection.get(target.index) ?? [];
    const structOps =
      file.btf && file.roles.structOps.has(target.index)
        ? new StructOpsSlots(file.btf, target, defined, functions)
        : undefined;
    for (const relocation of readRelocations(file.elf, section)) {
      const symbol = file.elf.symbols[relocation.symbol];
      if (symbol === undefined) continue;
      if (structOps) structOps.collect(relocation, symbol);
      else if (target === file.roles.maps)
        collectValuesRelocation(target, defined, targets, relocation, symbol);
      else code.collect(target, relocation, symbol);
    }
  }
  return code.found;
}

function groupBySection(maps: readonly MapDraft[]): Map<number, MapDraft[]> {
  const groups = new Map<number, MapDraft[]>();
  for (const map of maps) {
    if (map.section === undefined) continue;
    const group = groups.get(map.section);
    if (group === undefined) groups.set(map.section, [map]);
    else group.push(map);
  }
  return groups;
}

function firstByName<T>(items: readonly T[], nameOf: (item: T) => string): Map<string, T> {
  const found = new Map<string, T>();
  for (const item of items) if (!found.has(nameOf(item))) found.set(nameOf(item), item);
  return found;
}

function specify(code: FunctionCode, linker: Linker): ProgramSpec {
  const meaning = programMeaning(code.section.name);
  return {
    name: code.name,
    section: code.section.name,
    type: meaning?.type ?? 0,
    attachType: meaning?.attachType ?? 0,
    attachTarget: meaning?.target ?? '',
    flags: meaning?.flags ?? 0,
    autoload: !code.section.name.startsWith('?'),
    ...linker.link(code),
  };
}

function summarize(elf: ElfFile): SectionSummary[] {
  const relocations = new Map<number, number>();
  for (const { type, info, size } of elf.sections)
    if (type === SHT_REL) relocations.set(info, (relocations.get(info) ?? 0) + Math.floor(size / REL_BYTES));
  return elf.sections.map(({ index, name, type, flags, offset, size }) => ({
    index,
    name,
    type,
    flags,
    offset,
    size,
    relocations: relocations.get(index) ?? 0,
  }));
}
