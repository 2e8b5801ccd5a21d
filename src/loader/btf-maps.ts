/**
 * Maps defined in `.maps`: a struct whose members' types say what the map is (`__uint`, `__type`, `__array` of
 * bpf_helpers.h). Rules: bpf_object__init_user_btf_map and parse_btf_map_def in tools/lib/bpf/libbpf.c.
 */
import { LoadError } from '../base/errors.ts';
import type { Btf, BtfMember, BtfStruct } from '../btf/index.ts';
import { BpfMapType } from '../spec/index.ts';
import { PAGE_BYTES } from '../spec/uapi.ts';
import type { LaidOutFile, PlacedVar } from './datasec.ts';
import { draftMap, type MapDraft, PLAIN_MAP, PLAIN_SETTINGS } from './map-draft.ts';
import type { MapSpec } from './object-spec.ts';
import { ringBufferSize } from './ring-size.ts';

/** Bytes of a pointer: the size of an entry of `values`, and of the fds that such maps hold at run time. */
const VALUES_ENTRY_BYTES = 4;
const LIBBPF_PIN_BY_NAME = 1;
/** Most members of a definition; there are 13 that mean something. Bounds the work when many maps share one struct. */
const MAX_MEMBERS = 64;

const { BPF_MAP_TYPE_ARENA, BPF_MAP_TYPE_PROG_ARRAY, BPF_MAP_TYPE_UNSPEC } = BpfMapType;

type Settings = Pick<MapSpec, 'type' | keyof typeof PLAIN_SETTINGS>;

/** A map definition while its members are read. */
interface Definition {
  readonly name: string;
  readonly isInner: boolean;
  readonly settings: { -readonly [K in keyof Settings]: Settings[K] };
  inner: Definition | undefined;
  /** Place of `values` in the struct. */
  valuesAt: number | undefined;
}

/** Reads one member of a definition; `last` says that no member follows. */
type MemberReader = (
  reader: DefinitionReader,
  definition: Definition,
  member: BtfMember,
  last: boolean,
) => void;

/** The maps of `.maps`, in the order of their places in it. */
export function readBtfMaps(file: LaidOutFile): MapDraft[] {
  const { btf, roles } = file;
  const section = roles.maps;
  if (section === undefined) return [];
  if (btf === undefined)
    throw new LoadError('btf-missing', 'maps are defined in .maps, but there is no BTF; compile with -g', {
      section: section.name,
    });
  const found = file.dataSections.get(section.name);
  if (found === undefined)
    throw new LoadError('btf-missing', 'BTF does not describe the maps in .maps; compile with -g', {
      section: section.name,
    });
  const reader = new DefinitionReader(btf, file.relaxedMaps, section.offset);
  const drafts = found.vars.map((variable) => readBtfMap(reader, variable, section.index, section.size));
  checkArena(file, drafts);
  return drafts;
}

function readBtfMap(
  reader: DefinitionReader,
  variable: PlacedVar,
  section: number,
  sectionSize: number,
): MapDraft {
  const { name, offset, size } = variable;
  if (name === '') throw reader.error('map-without-name', name, 'a map in .maps has no name');
  if (offset + size > sectionSize)
    throw reader.error(
      'map-outside-section',
      name,
      `the definition ends at byte ${offset + size} of ${sectionSize}`,
    );
  if (variable.linkage !== 'global')
    throw reader.error(
      'static-map',
      name,
      `maps must be global and visible, this one is ${variable.linkage}`,
    );
  const struct = reader.btf.resolve(variable.typeId);
  if (struct.kind !== 'struct')
    throw reader.error('map-not-struct', name, `a map is defined by a struct, not by a ${struct.kind}`);
  if (struct.size > size)
    throw reader.error('map-size', name, `the definition needs ${struct.size} bytes and has ${size}`);
  const definition = reader.read(name, struct, false);
  return draftMap(toSpec(definition), section, offset, size, definition.valuesAt);
}

function toSpec({ name, settings, inner }: Definition): MapSpec {
  return {
    ...PLAIN_MAP,
    ...settings,
    name,
    origin: 'btf',
    section: '.maps',
    maxEntries: ringBufferSize(settings.type, settings.maxEntries),
    ...(inner && { inner: toSpec(inner) }),
  };
}

/** Reads the members of definition structs. */
class DefinitionReader {
  readonly btf: Btf;
  private readonly relaxed: boolean;
  private readonly sectionOffset: number;

  constructor(btf: Btf, relaxed: boolean, sectionOffset: number) {
    this.btf = btf;
    this.relaxed = relaxed;
    this.sectionOffset = sectionOffset;
  }

  read(name: string, struct: BtfStruct, isInner: boolean): Definition {
    const definition: Definition = {
      name,
      isInner,
      settings: { type: BPF_MAP_TYPE_UNSPEC, ...PLAIN_SETTINGS },
      inner: undefined,
      valuesAt: undefined,
    };
    if (struct.members.length > MAX_MEMBERS)
      throw this.error('map-member-unknown', name, `the definition has ${struct.members.length} members`);
    for (const [i, member] of struct.members.entries()) {
      const readMember = MEMBERS.get(member.name);
      if (readMember) readMember(this, definition, member, i === struct.members.length - 1);
      else if (!this.relaxed)
        throw this.error('map-member-unknown', name, `the member '${member.name}' is not one that maps have`);
    }
    if (definition.settings.type === BPF_MAP_TYPE_UNSPEC)
      throw this.error(
        'map-without-type',
        name,
        'the definition has no type; add __uint(type, BPF_MAP_TYPE_…)',
      );
    return definition;
  }

  /** A number, which is written as a pointer to an array of so many elements. */
  uint(definition: Definition, member: BtfMember): number {
    const pointer = this.btf.resolve(member.type);
    if (pointer.kind !== 'ptr')
      throw this.memberError(definition, member, `is a ${pointer.kind}, not a __uint`);
    const array = this.btf.typeById(pointer.type);
    if (array.kind !== 'array')
      throw this.memberError(definition, member, `points to a ${array.kind}, not an array`);
    return array.count;
  }

  /** A 64-bit number: a __uint, or the one value of an enumeration (__ulong). */
  ulong(definition: Definition, member: BtfMember): bigint {
    const type = this.btf.resolve(member.type);
    if (type.kind === 'ptr') return BigInt(this.uint(definition, member));
    if (type.kind !== 'enum' && type.kind !== 'enum64')
      throw this.memberError(definition, member, `is a ${type.kind}, not a __ulong`);
    const [only, ...others] = type.values;
    if (only === undefined || others.length > 0)
      throw this.memberError(definition, member, `has ${type.values.length} values, not one`);
    // A 32-bit value is extended by its sign, as the C assignment does.
    return BigInt.asUintN(64, typeof only.value === 'bigint' ? only.value : BigInt(only.value | 0));
  }

  /** Size and id of a type that is written as a pointer to it. */
  typed(definition: Definition, member: BtfMember): { size: number; id: number } {
    const pointer = this.btf.typeById(member.type);
    if (pointer.kind !== 'ptr')
      throw this.memberError(definition, member, `is a ${pointer.kind}, not a __type`);
    return { size: this.btf.sizeOf(pointer.type), id: pointer.type };
  }

  /** Two members may say the same size, not different ones. */
  agree(definition: Definition, member: BtfMember, before: number, now: number): number {
    if (before !== 0 && before !== now)
      throw this.memberError(definition, member, `says ${now} bytes, another member ${before}`);
    return now;
  }

  memberError(definition: Definition, member: BtfMember, message: string): LoadError {
    return this.error('map-member', definition.name, `the member '${member.name}' ${message}`);
  }

  error(code: string, map: string, message: string): LoadError {
    return new LoadError(code, message, { section: '.maps', map, offset: this.sectionOffset });
  }
}

const MEMBERS: ReadonlyMap<string, MemberReader> = new Map<string, MemberReader>([
  ['type', uintMember('type')],
  ['max_entries', uintMember('maxEntries')],
  ['map_flags', uintMember('flags')],
  ['numa_node', uintMember('numaNode')],
  [
    'map_extra',
    (reader, map, member) => {
      map.settings.mapExtra = reader.ulong(map, member);
    },
  ],
  ['key_size', sizeMember('keySize')],
  ['value_size', sizeMember('valueSize')],
  ['key', typeMember('keySize', 'btfKeyTypeId')],
  ['value', typeMember('valueSize', 'btfValueTypeId')],
  ['values', readValues],
  ['pinning', readPinning],
]);

/** `__uint(NAME, …)`. */
function uintMember(setting: 'type' | 'maxEntries' | 'flags' | 'numaNode'): MemberReader {
  return (reader, map, member) => {
    map.settings[setting] = reader.uint(map, member);
  };
}

/** `__uint(key_size, …)`. */
function sizeMember(setting: 'keySize' | 'valueSize'): MemberReader {
  return (reader, map, member) => {
    map.settings[setting] = reader.agree(map, member, map.settings[setting], reader.uint(map, member));
  };
}

/** `__type(key, …)`: the size, and the type for those who print and read keys. */
function typeMember(size: 'keySize' | 'valueSize', id: 'btfKeyTypeId' | 'btfValueTypeId'): MemberReader {
  return (reader, map, member) => {
    const found = reader.typed(map, member);
    map.settings[size] = reader.agree(map, member, map.settings[size], found.size);
    map.settings[id] = found.id;
  };
}

function readPinning(reader: DefinitionReader, map: Definition, member: BtfMember): void {
  if (map.isInner) throw reader.memberError(map, member, 'cannot stand in an inner map');
  const pinning = reader.uint(map, member);
  if (pinning > LIBBPF_PIN_BY_NAME)
    throw reader.memberError(map, member, `is ${pinning}, which is neither 0 nor LIBBPF_PIN_BY_NAME (1)`);
  map.settings.pinning = pinning;
}

/** `__array(values, …)`: the template of inner maps, or the programs of a prog array. */
function readValues(reader: DefinitionReader, map: Definition, member: BtfMember, last: boolean): void {
  const isProgArray = map.settings.type === BPF_MAP_TYPE_PROG_ARRAY;
  if (map.isInner) throw reader.memberError(map, member, 'cannot stand in an inner map: maps nest once');
  if (!last) throw reader.memberError(map, member, 'must be the last');
  if (!isMapInMap(map.settings.type) && !isProgArray)
    throw reader.memberError(
      map,
      member,
      'is for maps of maps and prog arrays only; write the type before it',
    );
  map.settings.valueSize = reader.agree(map, member, map.settings.valueSize, VALUES_ENTRY_BYTES);
  map.valuesAt = Math.floor(member.bitOffset / 8);
  const array = reader.btf.typeById(member.type);
  if (array.kind !== 'array' || array.count !== 0)
    throw reader.memberError(map, member, 'must be an array without a size');
  const pointer = reader.btf.resolve(array.elementType);
  if (pointer.kind !== 'ptr') throw reader.memberError(map, member, `holds a ${pointer.kind}, not pointers`);
  const target = reader.btf.resolve(pointer.type);
  if (isProgArray) {
    if (target.kind !== 'func_proto')
      throw reader.memberError(map, member, `holds pointers to a ${target.kind}, not to functions`);
  } else {
    if (target.kind !== 'struct')
      throw reader.memberError(map, member, `holds pointers to a ${target.kind}, not to maps`);
    map.inner = reader.read(`${map.name}.inner`, target, true);
  }
}

/** Whether maps of this type hold other maps. */
export function isMapInMap(type: number): boolean {
  return type === BpfMapType.BPF_MAP_TYPE_ARRAY_OF_MAPS || type === BpfMapType.BPF_MAP_TYPE_HASH_OF_MAPS;
}

/** There is one arena at most, and it holds the arena variables. */
function checkArena(file: LaidOutFile, drafts: MapDraft[]): void {
  const { arena: section } = file.roles;
  const arenas = drafts.filter((draft) => draft.spec.type === BPF_MAP_TYPE_ARENA);
  const [arena, second] = arenas;
  if (second !== undefined)
    throw new LoadError('second-arena', 'an object can have one arena only', { map: second.spec.name });
  if (section === undefined) return;
  if (arena === undefined)
    throw new LoadError(
      'arena-missing',
      'variables are declared __arena, but .maps defines no map of type ARENA',
      {
        section: section.name,
        offset: section.offset,
      },
    );
  const room = arena.spec.maxEntries * PAGE_BYTES;
  if (section.size > room)
    throw new LoadError(
      'arena-too-small',
      `the arena has ${room} bytes, its variables take ${section.size}`,
      {
        map: arena.spec.name,
      },
    );
  drafts[drafts.indexOf(arena)] = { ...arena, spec: { ...arena.spec, initial: section.data } };
}
