/**
 * The commands for single entries of a map (map_lookup_elem, map_update_elem, map_delete_elem, map_get_next_key,
 * map_lookup_and_delete_elem in kernel/bpf/syscall.c).
 */
import { Errno } from '../../base/errno.ts';
import { BPF_F_LOCK, PerfEventArrayMap } from '../../maps/index.ts';
import { BpfMapType } from '../../spec/index.ts';
import type { LiveMap } from '../objects/live-map.ts';
import type { Attributes } from './attributes.ts';
import { fileOf, type SyscallContext } from './context.ts';
import { fail, succeed } from './failure.ts';
import { needRead, needWrite } from './map-access.ts';

/** BPF_F_LOCK wants a lock in the value. @throws SyscallError EINVAL. */
function checkLock(map: LiveMap, flags: number): void {
  if ((flags & BPF_F_LOCK) !== 0 && !map.fields.some((field) => field.kind === 'bpf_spin_lock'))
    fail(Errno.EINVAL, 'BPF_F_LOCK needs a bpf_spin_lock in the value');
}

/** The key at an address; maps without keys want NULL. @throws SyscallError EFAULT, EINVAL. */
function readKey(sys: SyscallContext, map: LiveMap, address: number): Uint8Array {
  const { keySize } = map.map.attr;
  if (keySize === 0 && address !== 0) fail(Errno.EINVAL, 'maps of this type have no keys: key must be NULL');
  return sys.user.read(address, keySize);
}

/** Flags of a lookup: BPF_F_LOCK or nothing. */
function lookupFlags(flags: number): number {
  return flags === 0 || flags === BPF_F_LOCK ? flags : fail(Errno.EINVAL, 'the only flag is BPF_F_LOCK');
}

/** BPF_MAP_LOOKUP_ELEM (map_lookup_elem). */
export function mapLookup(sys: SyscallContext, attr: Attributes<'BPF_MAP_LOOKUP_ELEM'>): number {
  attr.checkUnused();
  const flags = lookupFlags(attr.word('flags'));
  const file = fileOf(sys, attr.u32('map_fd'), 'map');
  needRead(file);
  const { map } = file;
  checkLock(map, flags);
  const key = readKey(sys, map, attr.word('key'));
  const address = attr.word('value');
  // A bloom filter is asked about the value that is there.
  const asked = map.map.attr.type === BpfMapType.BPF_MAP_TYPE_BLOOM_FILTER;
  const size = map.map.userValueSize;
  const value = asked ? sys.user.read(address, size) : new Uint8Array(size);
  succeed(map.map.readUser(key, value, flags), 'there is no such entry to read');
  if (!asked) sys.user.write(address, value);
  return 0;
}

/** BPF_MAP_UPDATE_ELEM (map_update_elem). */
export function mapUpdate(sys: SyscallContext, attr: Attributes<'BPF_MAP_UPDATE_ELEM'>): number {
  attr.checkUnused();
  const file = fileOf(sys, attr.u32('map_fd'), 'map');
  needWrite(file);
  const { map } = file;
  checkLock(map, attr.u32('flags'));
  const key = readKey(sys, map, attr.word('key'));
  const value = sys.user.read(attr.word('value'), map.map.userValueSize);
  const updated = map.map.updateUser(key, value, attr.word('flags'));
  if (updated === 0 && map.map instanceof PerfEventArrayMap) map.map.bindToFile(key, file.held);
  return succeed(updated, 'the map does not take this entry');
}

/** BPF_MAP_DELETE_ELEM (map_delete_elem). */
export function mapDelete(sys: SyscallContext, attr: Attributes<'BPF_MAP_DELETE_ELEM'>): number {
  attr.checkUnused();
  const file = fileOf(sys, attr.u32('map_fd'), 'map');
  needWrite(file);
  const key = readKey(sys, file.map, attr.word('key'));
  return succeed(file.map.map.deleteUser(key), 'the entry cannot be deleted');
}

/** BPF_MAP_GET_NEXT_KEY (map_get_next_key). */
export function mapNextKey(sys: SyscallContext, attr: Attributes<'BPF_MAP_GET_NEXT_KEY'>): number {
  attr.checkUnused();
  const file = fileOf(sys, attr.u32('map_fd'), 'map');
  needRead(file);
  const { map } = file.map;
  const address = attr.word('key');
  const key = address === 0 ? undefined : readKey(sys, file.map, address);
  const next = new Uint8Array(map.attr.keySize);
  succeed(map.nextKey(key, next), 'there is no further key');
  sys.user.write(attr.word('next_key'), next);
  return 0;
}

const QUEUES: readonly number[] = [BpfMapType.BPF_MAP_TYPE_QUEUE, BpfMapType.BPF_MAP_TYPE_STACK];

/** BPF_MAP_LOOKUP_AND_DELETE_ELEM (map_lookup_and_delete_elem). */
export function mapTake(sys: SyscallContext, attr: Attributes<'BPF_MAP_LOOKUP_AND_DELETE_ELEM'>): number {
  attr.checkUnused();
  const flags = lookupFlags(attr.word('flags'));
  const file = fileOf(sys, attr.u32('map_fd'), 'map');
  needRead(file);
  needWrite(file);
  const { map } = file;
  if (flags !== 0 && QUEUES.includes(map.map.attr.type))
    fail(Errno.EINVAL, 'queues and stacks know no flags');
  checkLock(map, flags);
  const key = readKey(sys, map, attr.word('key'));
  const value = new Uint8Array(map.map.userValueSize);
  const taken = map.map.lookupAndDeleteUser?.(key, value, flags) ?? -Errno.ENOTSUPP;
  succeed(taken, 'there is no such entry to take');
  sys.user.write(attr.word('value'), value);
  return 0;
}
