/**
 * Data sections as maps: one ARRAY with one element each, whose value is the section, and `.kconfig` likewise. Rules:
 * bpf_object__init_global_data_maps, internal_map_name and map_is_mmapable in tools/lib/bpf/libbpf.c.
 */
import { LoadError } from '../base/errors.ts';
import { MAX_OBJ_NAME } from '../base/limits.ts';
import { type ElfSection, STB_GLOBAL, STB_LOCAL, STB_WEAK, STT_OBJECT } from '../elf/index.ts';
import { BpfMapType, MapFlag } from '../spec/index.ts';
import type { LaidOutFile } from './datasec.ts';
import type { Extern } from './externs.ts';
import { draftMap, type MapDraft, PLAIN_MAP } from './map-draft.ts';
import type { MapOrigin, MapSpec, VariableSpec } from './object-spec.ts';
import type { DataKind } from './sections.ts';

const { BPF_F_RDONLY_PROG, BPF_F_MMAPABLE } = MapFlag;

/** Characters that names of suffixes reserve, even when the section's name is shorter. */
const MIN_SUFFIX = 7;

/** The maps of the data sections, in file order. */
export function readDataMaps(file: LaidOutFile): MapDraft[] {
  return [...file.roles.data.values()].map(({ kind, section }) => {
    // Only for what user space can see through a skeleton: a variable that is global and not hidden.
    const visible =
      file.dataSections.get(section.name)?.vars.some(({ linkage }) => linkage !== 'static') ?? false;
    const spec = {
      ...dataMap(file, section.name, section.size, kind, visible),
      variables: variablesOf(file, section),
      initial: kind === 'bss' ? new Uint8Array(section.size) : section.data,
    };
    return draftMap(spec, section.index, 0, section.size);
  });
}

/** The map of the kconfig options, when there are any. Its content is made at load, from the machine's configuration. */
export function readKconfigMap(file: LaidOutFile, externs: readonly Extern[]): MapDraft[] {
  const options = externs.map((extern) => extern.spec).filter((extern) => extern.kind === 'kconfig');
  const last = options.at(-1);
  if (last === undefined) return [];
  const variables = options.map(
    ({ name, offset, size, btfTypeId, weak }): VariableSpec => ({
      name,
      offset,
      size,
      btfTypeId,
      linkage: weak ? 'weak' : 'global',
    }),
  );
  const size = last.offset + last.size;
  const spec = {
    ...dataMap(file, '.kconfig', size, 'kconfig', true),
    variables,
    initial: new Uint8Array(size),
  };
  return [draftMap(spec, undefined, 0, size)];
}

function dataMap(
  file: LaidOutFile,
  section: string,
  size: number,
  origin: DataKind | 'kconfig',
  visible: boolean,
): MapSpec {
  const readOnly = origin === 'rodata' || origin === 'kconfig';
  return {
    ...PLAIN_MAP,
    name: dataMapName(file.name, section, origin),
    origin,
    section,
    type: BpfMapType.BPF_MAP_TYPE_ARRAY,
    keySize: 4,
    valueSize: size,
    maxEntries: 1,
    flags: (readOnly ? BPF_F_RDONLY_PROG : 0) | (visible ? BPF_F_MMAPABLE : 0),
    btfValueTypeId: file.dataSections.get(section)?.id ?? 0,
  };
}

/**
 * The name of a data section's map, as bpf_map__name gives it. Named kin of .data and .rodata are called as their section.
 * For the others, libbpf makes a name of at most 15 characters: as much of the object's as leaves room for seven of the
 * section's (or all, when it has more), and none of it before a section name with a second dot.
 */
function dataMapName(object: string, section: string, origin: MapOrigin): string {
  if ((origin === 'data' || origin === 'rodata') && section !== `.${origin}`) return section;
  const suffix = Math.min(Math.max(MIN_SUFFIX, section.length), MAX_OBJ_NAME);
  const prefix = section.indexOf('.', 1) >= 0 ? 0 : MAX_OBJ_NAME - suffix;
  const name = object.slice(0, prefix) + section.slice(0, suffix);
  return name.replace(/[^A-Za-z0-9_.]/g, '_');
}

/** The variables of a data section in order: from BTF, and from the symbols where there is none. */
function variablesOf(file: LaidOutFile, section: ElfSection): VariableSpec[] {
  const described = file.dataSections.get(section.name);
  const variables = described
    ? described.vars
        .filter((variable) => variable.linkage !== 'extern')
        .map(
          ({ name, offset, size, typeId, linkage, weak }): VariableSpec => ({
            name,
            offset,
            size,
            btfTypeId: typeId,
            linkage: linkage === 'static' ? 'static' : weak ? 'weak' : 'global',
          }),
        )
    : variablesFromSymbols(file, section);
  for (const { name, offset, size } of variables)
    if (offset + size > section.size)
      throw new LoadError(
        'variable-outside-section',
        `the variable '${name}' ends at byte ${offset + size} of a section of ${section.size}`,
        { section: section.name, symbol: name, offset: section.offset },
      );
  return variables;
}

const LINKAGES: ReadonlyMap<number, VariableSpec['linkage']> = new Map([
  [STB_LOCAL, 'static'],
  [STB_GLOBAL, 'global'],
  [STB_WEAK, 'weak'],
]);

function variablesFromSymbols(file: LaidOutFile, section: ElfSection): VariableSpec[] {
  return (file.symbols.get(section.index) ?? [])
    .filter((symbol) => symbol.type === STT_OBJECT)
    .map(({ name, value, size, binding }) => ({
      name,
      offset: value,
      size,
      btfTypeId: 0,
      linkage: LINKAGES.get(binding) ?? 'global',
    }))
    .sort((a, b) => a.offset - b.offset);
}
