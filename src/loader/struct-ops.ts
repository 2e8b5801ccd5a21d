/**
 * Maps of type STRUCT_OPS: each variable in `.struct_ops` and its kin is one, its bytes the initial content, its function
 * pointers references to programs. Rules: init_struct_ops_maps and bpf_object__collect_st_ops_relos in
 * tools/lib/bpf/libbpf.c. Fitting them to the kernel's own structs is done at load.
 */
import { LoadError, type Place } from '../base/errors.ts';
import type { Btf, BtfStruct } from '../btf/index.ts';
import { type ElfRelocation, type ElfSection, type ElfSymbol, SHN_LORESERVE } from '../elf/index.ts';
import { SLOT_BYTES } from '../isa/index.ts';
import { BpfMapType, BpfProgType, MapFlag } from '../spec/index.ts';
import type { LaidOutFile, PlacedVar } from './datasec.ts';
import type { FunctionCode, Functions } from './functions.ts';
import { draftAt, draftMap, type MapDraft, PLAIN_MAP } from './map-draft.ts';
import { programMeaning } from './section-names.ts';

/** The maps of all struct_ops sections, in file order. */
export function readStructOps(file: LaidOutFile): MapDraft[] {
  const drafts: MapDraft[] = [];
  for (const section of file.roles.structOps.values()) {
    const { btf } = file;
    const described = file.dataSections.get(section.name);
    if (btf === undefined || described === undefined)
      throw new LoadError(
        'btf-missing',
        'BTF does not describe the variables of this section; compile with -g',
        {
          section: section.name,
          offset: section.offset,
        },
      );
    for (const [i, variable] of described.vars.entries())
      drafts.push(readStructOpsMap(btf, section, variable, i));
  }
  return drafts;
}

function readStructOpsMap(btf: Btf, section: ElfSection, variable: PlacedVar, index: number): MapDraft {
  const { name, offset } = variable;
  const place = { section: section.name, map: name, offset: section.offset + offset };
  const struct = btf.resolve(variable.typeId);
  if (struct.kind !== 'struct' || struct.name === '')
    throw new LoadError('struct-ops-type', `'${name}' must be a named struct, it is a ${struct.kind}`, place);
  if (offset + struct.size > section.size)
    throw new LoadError(
      'struct-ops-outside',
      `'${name}' ends at byte ${offset + struct.size} of a section of ${section.size}`,
      place,
    );
  // Of several variables in a `?` section, libbpf 1.5 leaves only the first one out.
  const autocreate = !(section.name.startsWith('?') && index === 0);
  return draftMap(
    {
      ...PLAIN_MAP,
      name,
      origin: 'struct_ops',
      section: section.name,
      type: BpfMapType.BPF_MAP_TYPE_STRUCT_OPS,
      keySize: 4,
      valueSize: struct.size,
      maxEntries: 1,
      flags: section.name.endsWith('.link') ? MapFlag.BPF_F_LINK : 0,
      btfValueTypeId: struct.id,
      initial: section.data.subarray(offset, offset + struct.size),
      ...(!autocreate && { autocreate }),
    },
    section.index,
    offset,
    struct.size,
  );
}

/** Enters the programs that relocations put into the function pointers of one section's maps. */
export class StructOpsSlots {
  private readonly btf: Btf;
  private readonly section: ElfSection;
  private readonly maps: readonly MapDraft[];
  private readonly functions: Functions;
  /** Members by place in bits, by the id of their struct. */
  private readonly members = new Map<number, ReadonlyMap<number, number>>();

  /** `maps` are those of the section, in order of their places. */
  constructor(btf: Btf, section: ElfSection, maps: readonly MapDraft[], functions: Functions) {
    this.btf = btf;
    this.section = section;
    this.maps = maps;
    this.functions = functions;
  }

  collect(relocation: ElfRelocation, symbol: ElfSymbol): void {
    const at = relocation.offset;
    const place: Place = {
      section: this.section.name,
      symbol: symbol.name,
      offset: this.section.offset + at,
    };
    const map = draftAt(this.maps, at, 1);
    if (map === undefined)
      throw new LoadError('relocation-without-map', `no struct_ops variable lies at byte ${at}`, place);
    const struct = this.btf.typeOfKind(map.spec.btfValueTypeId, 'struct');
    const index = this.memberAt(struct, at - map.offset);
    const member = struct.members[index ?? -1];
    if (index === undefined || member === undefined)
      throw new LoadError(
        'struct-ops-member',
        `no function pointer of struct ${struct.name} lies at byte ${at - map.offset}`,
        place,
      );
    const program = this.target(symbol, `${struct.name}.${member.name}`, place);
    map.slots.set(index, { index, kind: 'program', name: program.name });
  }

  private target(symbol: ElfSymbol, member: string, place: Place): FunctionCode {
    const inFile = symbol.section < SHN_LORESERVE && symbol.value % SLOT_BYTES === 0;
    const program = inFile ? this.functions.at(symbol.section, symbol.value / SLOT_BYTES) : undefined;
    if (program === undefined)
      throw new LoadError(
        'struct-ops-target',
        `${member} points to '${symbol.name}', which is no program`,
        place,
      );
    if (programMeaning(program.section.name)?.type !== BpfProgType.BPF_PROG_TYPE_STRUCT_OPS)
      throw new LoadError(
        'struct-ops-target',
        `${member} points to '${program.name}', which is no struct_ops program; give it SEC("struct_ops")`,
        place,
      );
    return program;
  }

  /** Index of the function pointer at a byte of a struct. */
  private memberAt(struct: BtfStruct, at: number): number | undefined {
    let places = this.members.get(struct.id);
    if (places === undefined) {
      places = functionPointers(this.btf, struct);
      this.members.set(struct.id, places);
    }
    return places.get(8 * at);
  }
}

/** The function pointers of a struct by place in bits; of several at one place, only the first member counts. */
function functionPointers(btf: Btf, struct: BtfStruct): Map<number, number> {
  const firsts = new Map<number, number>();
  for (const [index, member] of struct.members.entries())
    if (!firsts.has(member.bitOffset)) firsts.set(member.bitOffset, index);
  for (const [place, index] of firsts)
    if (!isFunctionPointer(btf, struct.members[index]?.type ?? 0)) firsts.delete(place);
  return firsts;
}

function isFunctionPointer(btf: Btf, typeId: number): boolean {
  const pointer = btf.resolve(typeId);
  return pointer.kind === 'ptr' && btf.resolve(pointer.type).kind === 'func_proto';
}
