/** A live map as the verifier knows it (struct bpf_map in the eyes of kernel/bpf/verifier.c). */
import { MapFlag } from '../../maps/index.ts';
import { BpfMapType } from '../../spec/index.ts';
import type { MapInfo } from '../../verifier/index.ts';
import type { Memory } from '../../vm/index.ts';
import type { LiveMap } from '../objects/live-map.ts';

/** A struct bpf_map_info (bpf_map_get_info_by_fd). */
export function mapInfo(live: LiveMap, memory: Memory): MapInfo {
  return { ...describe(live.map.attr), frozen: live.frozen, ...constants(live, memory) };
}

function describe(attr: LiveMap['map']['attr']): MapInfo {
  const { btf, btfValueTypeId, innerMap } = attr;
  return {
    name: attr.name,
    type: attr.type,
    keySize: attr.keySize,
    valueSize: attr.valueSize,
    maxEntries: attr.maxEntries,
    flags: attr.flags,
    ...(btf === undefined ? {} : { btf }),
    ...(btfValueTypeId === undefined ? {} : { btfValueTypeId }),
    ...(innerMap === undefined ? {} : { inner: describe(innerMap.attr) }),
  };
}

/** The value of a frozen array of one entry that programs only read: the verifier folds it. */
function constants({ map, frozen }: LiveMap, memory: Memory): { content?: Uint8Array } {
  const { type, flags, maxEntries, valueSize } = map.attr;
  const readOnly = type === BpfMapType.BPF_MAP_TYPE_ARRAY && (flags & MapFlag.BPF_F_RDONLY_PROG) !== 0;
  const address = map.directValue?.(0) ?? 0;
  if (!frozen || !readOnly || maxEntries !== 1 || address <= 0) return {};
  return { content: memory.readBytes(address, valueSize) };
}
