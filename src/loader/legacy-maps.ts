/**
 * Maps of the old kind: structs bpf_map_def in the section `maps`, as libbpf read them before 1.0
 * (bpf_object__init_user_maps and bpf_map_find_btf_info in its 0.8). Structs may be longer than the five known members, as
 * other loaders' are, if the rest is zero.
 */
import { ByteReader } from '../base/bytes.ts';
import { LoadError } from '../base/errors.ts';
import type { Btf } from '../btf/index.ts';
import { type ElfSymbol, STB_LOCAL, STT_SECTION } from '../elf/index.ts';
import type { OpenFile } from './context.ts';
import { draftMap, type MapDraft, PLAIN_MAP } from './map-draft.ts';

/** Bytes of struct bpf_map_def: type, key_size, value_size, max_entries, map_flags. */
const KNOWN_BYTES = 20;

/** The maps of `maps` in the order of their symbols. */
export function readLegacyMaps(file: OpenFile): MapDraft[] {
  const section = file.roles.legacyMaps;
  if (section === undefined) return [];
  const symbols = (file.symbols.get(section.index) ?? []).filter((symbol) => symbol.type !== STT_SECTION);
  const size = section.data.length / symbols.length;
  if (symbols.length === 0 || !Number.isInteger(size) || size < KNOWN_BYTES)
    throw new LoadError(
      'legacy-map-size',
      `${section.data.length} bytes for ${symbols.length} maps are no whole number of structs of ${KNOWN_BYTES} bytes or more`,
      { section: section.name, offset: section.offset },
    );
  const fail = (message: string) => new LoadError('legacy-map-outside', message, { section: section.name });
  const reader = new ByteReader(section.data, file.elf.byteOrder, fail, section.offset);
  return symbols.map((symbol) => readLegacyMap(file, symbol, reader, size));
}

function readLegacyMap(file: OpenFile, symbol: ElfSymbol, section: ByteReader, size: number): MapDraft {
  const { name, value: offset } = symbol;
  const place = { section: 'maps', symbol: name, map: name, offset: section.base + offset };
  if (symbol.binding === STB_LOCAL)
    throw new LoadError('static-map', 'a map in the section maps must be global, this one is static', place);
  if (offset + size > section.length)
    throw new LoadError(
      'legacy-map-outside',
      `the definition ends at byte ${offset + size} of ${section.length}`,
      place,
    );
  const definition = section.window(offset, size);
  const extra = definition.bytes.findIndex((byte, i) => i >= KNOWN_BYTES && byte !== 0);
  if (extra >= 0 && !file.relaxedMaps)
    throw new LoadError(
      'legacy-map-extra',
      `byte ${extra} of the definition is not zero: the struct has members after map_flags that have no meaning here, such as the pinning of iproute2's bpf_elf_map; define the map in .maps`,
      { ...place, offset: place.offset + extra },
    );
  const keySize = definition.u32(4);
  const valueSize = definition.u32(8);
  return draftMap(
    {
      ...PLAIN_MAP,
      name,
      origin: 'legacy',
      section: 'maps',
      type: definition.u32(0),
      keySize,
      valueSize,
      maxEntries: definition.u32(12),
      flags: definition.u32(16),
      ...annotatedTypes(file.btf, name, keySize, valueSize),
    },
    symbol.section,
    offset,
    size,
  );
}

/**
 * Types that BPF_ANNOTATE_KV_PAIR gave a map: the first two members of a struct named after it. Ignored when the sizes
 * differ from the definition's.
 */
function annotatedTypes(
  btf: Btf | undefined,
  map: string,
  keySize: number,
  valueSize: number,
): { btfKeyTypeId?: number; btfValueTypeId?: number } {
  const [key, value] = btf?.findByName(`____btf_map_${map}`, 'struct')?.members ?? [];
  if (btf === undefined || key === undefined || value === undefined) return {};
  if (btf.sizeOf(key.type) !== keySize || btf.sizeOf(value.type) !== valueSize) return {};
  return { btfKeyTypeId: key.type, btfValueTypeId: value.type };
}
