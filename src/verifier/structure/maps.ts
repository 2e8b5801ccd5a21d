/**
 * The maps that a program uses: numbered, with their special fields, and whether programs of this type may use them.
 * Source: add_used_map_from_fd, check_map_prog_compatibility in kernel/bpf/verifier.c.
 */
import { Errno } from '../../base/errno.ts';
import { MAX_USED_MAPS } from '../../base/limits.ts';
import { BpfMapType as M, BpfProgType as P } from '../../spec/index.ts';
import type { Env } from '../env.ts';
import { EINVAL } from '../errors.ts';
import type { UsedMap } from '../found.ts';
import type { MapInfo } from '../input.ts';
import { BPF_F_RDONLY_PROG } from '../limits.ts';
import { findValueFields, hasField } from '../values/fields.ts';

/** The highest descriptor that a process has from the start. */
const LAST_STREAM = 2;
/** Where made-up addresses of maps start, and how far apart they are. */
const ADDRESS_BASE = 0xffff888100000000n;
const ADDRESS_STEP = 0x10000n;

/** The map behind a file descriptor, known from here on. */
export function useMap(env: Env, fd: number): UsedMap {
  const info = env.input.maps.get(fd);
  if (info === undefined) {
    // The standard streams are there, but no maps.
    const errno = fd >= 0 && fd <= LAST_STREAM ? EINVAL : Errno.EBADF;
    env.reject('bad-map-fd', errno, `fd ${fd} is not pointing to valid bpf_map`);
  }
  const known = env.maps.find((map) => map.info === info);
  if (known !== undefined) return known;
  if (env.usedMapCount >= MAX_USED_MAPS)
    env.reject(
      'too-many-maps',
      Errno.E2BIG,
      `The total number of maps per program has reached the limit of ${MAX_USED_MAPS}`,
    );
  env.usedMapCount++;
  const map = addMap(env, info);
  checkProgramMayUse(env, map);
  return map;
}

function addMap(env: Env, info: MapInfo): UsedMap {
  // The kernel keeps of an inner map what it must be like, not its name.
  const inner = info.inner === undefined ? undefined : addMap(env, { ...info.inner, name: '' });
  const index = env.maps.length + 1;
  const map: UsedMap = {
    index,
    info,
    flags: flagsOf(info),
    fields: findValueFields(info.btf, info.btfValueTypeId ?? 0),
    inner,
    address: info.address ?? ADDRESS_BASE + ADDRESS_STEP * BigInt(index),
  };
  env.maps.push(map);
  return map;
}

/** Values of device maps lie in the device entries themselves, so programs only read them (dev_map_init_map). */
function flagsOf({ type, flags }: MapInfo): number {
  const devices = type === M.BPF_MAP_TYPE_DEVMAP || type === M.BPF_MAP_TYPE_DEVMAP_HASH;
  return devices ? flags | BPF_F_RDONLY_PROG : flags;
}

/** Programs that can run anywhere in the kernel: a lock there could dead-lock (is_tracing_prog_type). */
const TRACING: readonly number[] = [
  P.BPF_PROG_TYPE_KPROBE,
  P.BPF_PROG_TYPE_TRACEPOINT,
  P.BPF_PROG_TYPE_PERF_EVENT,
  P.BPF_PROG_TYPE_RAW_TRACEPOINT,
  P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
];

/** Maps whose values are freed only after sleepable programs are done with them. */
const SLEEPABLE_MAPS: readonly number[] = [
  M.BPF_MAP_TYPE_HASH,
  M.BPF_MAP_TYPE_LRU_HASH,
  M.BPF_MAP_TYPE_ARRAY,
  M.BPF_MAP_TYPE_PERCPU_HASH,
  M.BPF_MAP_TYPE_PERCPU_ARRAY,
  M.BPF_MAP_TYPE_LRU_PERCPU_HASH,
  M.BPF_MAP_TYPE_ARRAY_OF_MAPS,
  M.BPF_MAP_TYPE_HASH_OF_MAPS,
  M.BPF_MAP_TYPE_RINGBUF,
  M.BPF_MAP_TYPE_USER_RINGBUF,
  M.BPF_MAP_TYPE_INODE_STORAGE,
  M.BPF_MAP_TYPE_SK_STORAGE,
  M.BPF_MAP_TYPE_TASK_STORAGE,
  M.BPF_MAP_TYPE_CGRP_STORAGE,
  M.BPF_MAP_TYPE_QUEUE,
  M.BPF_MAP_TYPE_STACK,
  M.BPF_MAP_TYPE_ARENA,
];

function checkProgramMayUse(env: Env, map: UsedMap): void {
  const tracing = TRACING.includes(env.input.type);
  const refuse = (message: string): never => env.reject('map-not-for-program', EINVAL, message);
  if (tracing && (hasField(map.fields, 'bpf_list_head') || hasField(map.fields, 'bpf_rb_root')))
    refuse('tracing progs cannot use bpf_{list_head,rb_root} yet');
  if (hasField(map.fields, 'bpf_spin_lock')) {
    if (env.input.type === P.BPF_PROG_TYPE_SOCKET_FILTER)
      refuse('socket filter progs cannot use bpf_spin_lock yet');
    if (tracing) refuse('tracing progs cannot use bpf_spin_lock yet');
  }
  if (tracing && hasField(map.fields, 'bpf_timer')) refuse('tracing progs cannot use bpf_timer yet');
  if (tracing && hasField(map.fields, 'bpf_wq')) refuse('tracing progs cannot use bpf_wq yet');
  if (map.info.type === M.BPF_MAP_TYPE_STRUCT_OPS) refuse('bpf_struct_ops map cannot be used in prog');
  if (env.sleepable && !SLEEPABLE_MAPS.includes(map.info.type))
    refuse('Sleepable programs can only use array, hash, ringbuf and local storage maps');
}
