/** BPF_MAP_CREATE and BPF_MAP_FREEZE (map_create, map_freeze in kernel/bpf/syscall.c). What each type wants is src/maps' business. */
import { Errno, SyscallError } from '../../base/errno.ts';
import { decodeUtf8, findZero } from '../../base/text.ts';
import type { Btf } from '../../btf/index.ts';
import { createMap, MapFlag } from '../../maps/index.ts';
import { BpfMapType } from '../../spec/index.ts';
import { mapFile } from '../objects/files.ts';
import type { Attributes } from './attributes.ts';
import { btfOf, fileOf, mapOf, openFile, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import { accessOf, needWrite } from './map-access.ts';
import { refuseToken } from './small-commands.ts';

/**
 * A name that lies in the attributes.
 * @throws SyscallError EINVAL when it has no terminating zero, or characters other than letters, digits, `_` and `.`.
 */
export function objectName(bytes: Uint8Array): string {
  const end = findZero(bytes, 0);
  const name = decodeUtf8(bytes, 0, end);
  if (end === bytes.length) fail(Errno.EINVAL, `a name has at most ${bytes.length - 1} bytes`);
  if (!/^[A-Za-z0-9_.]*$/.test(name))
    fail(Errno.EINVAL, `'${name}' has characters that are no letters, digits, '_' or '.'`);
  return name;
}

/** BPF_MAP_CREATE (map_create). */
export function mapCreate(sys: SyscallContext, attr: Attributes<'BPF_MAP_CREATE'>): number {
  attr.checkUnused();
  const type = attr.u32('map_type');
  const flags = attr.u32('map_flags');
  checkTypeIds(attr, type);
  const token = lookUp((flags & MapFlag.BPF_F_TOKEN_FD) !== 0, () =>
    refuseToken(sys, attr.s32('map_token_fd')),
  );
  const vmlinuxType = attr.u32('btf_vmlinux_value_type_id');
  const typed = attr.u32('btf_key_type_id') !== 0 || attr.u32('btf_value_type_id') !== 0;
  // A value of a kernel type comes from an object, whose types the map keeps.
  const btf = lookUp(typed || vmlinuxType !== 0, () => mapTypes(sys, attr.u32('btf_fd')));
  const inner = lookUp(MAPS_OF_MAPS.includes(type), () => mapOf(sys, attr.u32('inner_map_fd')).map);
  try {
    const map = createMap(sys.machine, {
      type,
      name: nameOf(attr.bytes('map_name')),
      keySize: attr.u32('key_size'),
      valueSize: attr.u32('value_size'),
      maxEntries: attr.u32('max_entries'),
      flags,
      mapExtra: attr.u64('map_extra'),
      numaNode: (flags & MapFlag.BPF_F_NUMA_NODE) === 0 ? 0 : attr.u32('numa_node'),
      btfKeyTypeId: attr.u32('btf_key_type_id'),
      btfValueTypeId: attr.u32('btf_value_type_id'),
      btfVmlinuxValueTypeId: vmlinuxType,
      ...(btf.found === undefined ? {} : { btf: btf.found }),
      ...(inner.found === undefined ? {} : { innerMap: inner.found }),
    });
    if (attr.u32('map_ifindex') !== 0) {
      map.free();
      refuseDevice(sys, attr.u32('map_ifindex'), type);
    }
    if (btf.error !== undefined) {
      map.free();
      throw btf.error;
    }
    const live = sys.machine.addMap(map);
    try {
      return openFile(sys, mapFile(live, accessOf(flags)));
    } finally {
      live.releaseUser();
    }
  } catch (error) {
    throw rightReason(error, token.error, inner.error ?? btf.error);
  }
}

/** BPF_MAP_FREEZE (map_freeze). */
export function mapFreeze(sys: SyscallContext, attr: Attributes<'BPF_MAP_FREEZE'>): number {
  attr.checkUnused();
  const file = fileOf(sys, attr.u32('map_fd'), 'map');
  const { map } = file;
  if (map.map.attr.type === BpfMapType.BPF_MAP_TYPE_STRUCT_OPS || map.fields.length > 0)
    fail(Errno.ENOTSUPP, 'maps whose values have fields of the kernel cannot be frozen');
  needWrite(file);
  map.frozen = true;
  return 0;
}

/** No device here keeps maps itself (bpf_map_offload_map_alloc). */
function refuseDevice(sys: SyscallContext, ifindex: number, type: number): never {
  const kept = type === BpfMapType.BPF_MAP_TYPE_ARRAY || type === BpfMapType.BPF_MAP_TYPE_HASH;
  if (!kept || sys.devices.byIndex(ifindex) === undefined)
    fail(Errno.EINVAL, `there is no device ${ifindex} for such a map`);
  return fail(Errno.EOPNOTSUPP, 'the device keeps no maps');
}

function checkTypeIds(attr: Attributes<'BPF_MAP_CREATE'>, type: number): void {
  const key = attr.u32('btf_key_type_id');
  const value = attr.u32('btf_value_type_id');
  if (attr.u32('btf_vmlinux_value_type_id') !== 0) {
    if (type !== BpfMapType.BPF_MAP_TYPE_STRUCT_OPS || key !== 0 || value !== 0)
      fail(Errno.EINVAL, 'only struct_ops maps have values of a kernel type');
  } else if (key !== 0 && value === 0) {
    fail(Errno.EINVAL, 'btf_key_type_id needs a btf_value_type_id');
  }
}

const MAPS_OF_MAPS: readonly number[] = [
  BpfMapType.BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BpfMapType.BPF_MAP_TYPE_HASH_OF_MAPS,
];

/** The types for keys and values. @throws SyscallError EACCES for the kernel's own. */
function mapTypes(sys: SyscallContext, fd: number): Btf {
  const live = btfOf(sys, fd);
  if (live.isKernel) fail(Errno.EACCES, "the kernel's types cannot be a map's");
  return live.btf;
}

/**
 * What a descriptor stands for, or why it stands for nothing: a bad one counts only once the checks ahead of it have passed, and
 * createMap makes those; it then answers EBADF.
 */
function lookUp<T>(wanted: boolean, find: () => T): { readonly found?: T; readonly error?: SyscallError } {
  if (!wanted) return {};
  try {
    return { found: find() };
  } catch (error) {
    if (error instanceof SyscallError) return { error };
    throw error;
  }
}

function rightReason(
  error: unknown,
  token: SyscallError | undefined,
  descriptor: SyscallError | undefined,
): unknown {
  if (!(error instanceof SyscallError)) return error;
  if (token !== undefined && error.message.includes('BPF_F_TOKEN_FD')) return token;
  return error.errno === Errno.EBADF ? (descriptor ?? error) : error;
}

/** The name as createMap checks it, at its place: one without an end gets a character that is none of a name's. */
function nameOf(bytes: Uint8Array): string {
  const end = findZero(bytes, 0);
  return decodeUtf8(bytes, 0, end) + (end === bytes.length ? '\0' : '');
}
