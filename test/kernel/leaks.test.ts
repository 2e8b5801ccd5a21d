/** Nothing stays behind: after many rounds of load, attach, run and unload the linear memory in use is what it was. */
import { expect, it } from 'vitest';
import { BtfBuilder } from '../../src/btf/build.ts';
import { ethernet, ipv4, Kernel, packet, udp } from '../../src/index.ts';
import { openFixture } from '../fixtures.ts';
import { type LabMap, MapLab, words } from './map-lab.ts';

const ROUNDS = 1000;

it('1,000 rounds of load, attach, run and unload leave the memory as it was', { timeout: 120_000 }, () => {
  const kernel = new Kernel({ cpus: 2 });
  const frame = packet(ethernet(), ipv4(), udp({ dport: 53 }), 'payload');
  const object = openFixture('xdp/count_protocols');
  const round = (): void => {
    kernel.load(object);
    object.programs.count_protocols!.attach({ device: 'eth0' });
    expect(kernel.receive('eth0', frame).verdict).toBe('pass');
    kernel.unload(object);
  };
  round();
  const used = kernel.memory.bytesInUse;
  const size = kernel.memory.size;
  for (let i = 0; i < ROUNDS; i++) round();
  expect(kernel.memory.bytesInUse).toBe(used);
  expect(kernel.memory.size).toBe(size);
});

it.each(['xdp/redirect_maps', 'tracing/task_notes', 'tracing/ringbuf_events', 'tracing/map_in_map'])(
  '%s leaves nothing behind when it is unloaded',
  (name) => {
    const kernel = new Kernel({ cpus: 2 });
    const object = openFixture(name);
    kernel.unload(kernel.load(object));
    const used = kernel.memory.bytesInUse;
    for (let i = 0; i < 5; i++) {
      kernel.load(object);
      kernel.syscall('getpid');
      kernel.unload(object);
    }
    expect(kernel.memory.bytesInUse).toBe(used);
  },
);

/** What maps of each type are made from, beyond keys of 4 and values of 8 bytes; `value`: what user space puts in. */
const SHAPES: readonly (readonly [
  Parameters<MapLab['map']>[0],
  (LabMap & { value?: string }) | undefined,
])[] = [
  ['HASH', undefined],
  ['ARRAY', undefined],
  ['PROG_ARRAY', { value_size: 4, value: 'program' }],
  ['PERF_EVENT_ARRAY', { value_size: 4, value: 'none' }],
  ['PERCPU_HASH', undefined],
  ['PERCPU_ARRAY', undefined],
  ['STACK_TRACE', { value: 'none' }],
  ['CGROUP_ARRAY', { value_size: 4, value: 'cgroup' }],
  ['LRU_HASH', undefined],
  ['LRU_PERCPU_HASH', undefined],
  ['LPM_TRIE', { key_size: 8, map_flags: 1 }],
  ['ARRAY_OF_MAPS', { value_size: 4, value: 'map' }],
  ['HASH_OF_MAPS', { value_size: 4, value: 'map' }],
  ['DEVMAP', { value_size: 4, value: 'device' }],
  ['SOCKMAP', { value_size: 4, value: 'socket' }],
  ['CPUMAP', { value: 'device' }],
  ['XSKMAP', { value_size: 4, value: 'none' }],
  ['SOCKHASH', { value_size: 4, value: 'socket' }],
  ['CGROUP_STORAGE', { key_size: 8, max_entries: 0, value: 'none' }],
  ['REUSEPORT_SOCKARRAY', { value: 'none' }],
  ['PERCPU_CGROUP_STORAGE', { key_size: 8, max_entries: 0, value: 'none' }],
  ['QUEUE', { key_size: 0, value: 'pushed' }],
  ['STACK', { key_size: 0, value: 'pushed' }],
  ['SK_STORAGE', { max_entries: 0, map_flags: 1, value: 'of socket' }],
  ['DEVMAP_HASH', { value_size: 4, value: 'device' }],
  ['RINGBUF', { key_size: 0, value_size: 0, max_entries: 4096, value: 'none' }],
  ['INODE_STORAGE', { max_entries: 0, map_flags: 1, value: 'of inode' }],
  ['TASK_STORAGE', { max_entries: 0, map_flags: 1, value: 'of task' }],
  ['BLOOM_FILTER', { key_size: 0, value: 'pushed' }],
  ['USER_RINGBUF', { key_size: 0, value_size: 0, max_entries: 4096, value: 'none' }],
  ['CGRP_STORAGE', { max_entries: 0, map_flags: 1, value: 'of cgroup' }],
  ['ARENA', { key_size: 0, value_size: 0, map_flags: 1 << 10, value: 'none' }],
];

/** Descriptors of what maps hold or hang their values on, and types for the values. */
function objectsOf(lab: MapLab): Readonly<Record<string, number>> {
  const { kernel } = lab;
  const { process } = kernel;
  const types = new BtfBuilder();
  types.add({ kind: 'int', name: 'int', size: 4, bits: 32, offset: 0, encoding: 'signed' });
  types.add({ kind: 'int', name: 'long', size: 8, bits: 64, offset: 0, encoding: 'signed' });
  const btf = types.bytes();
  const socket = process.openObject(kernel.sockets.pair()[0]);
  return {
    types: kernel.bpf('BPF_BTF_LOAD', { btf, btf_size: btf.length }),
    program: lab.load('r0 = 0\nexit'),
    map: lab.map('HASH'),
    cgroup: process.open('/sys/fs/cgroup'),
    inode: process.open('/sys/fs/bpf'),
    task: process.openObject(kernel.currentTask),
    device: 1,
    socket,
  };
}

it.each(SHAPES)('%s leaves nothing behind after 1,000 rounds with a value in it', (kind, given) => {
  const lab = new MapLab({ cpus: 2 });
  const objects = objectsOf(lab);
  const { value = 'bytes', ...shape } = given ?? {};
  const holder = value.startsWith('of ') ? value.slice(3) : undefined;
  const types = { btf_fd: objects.types!, btf_key_type_id: 1, btf_value_type_id: 2 };
  const key = holder === undefined ? words(1, 0) : words(objects[holder]!);
  const content = words(objects[value] ?? 5, 0, 0, 0);
  const round = (): void => {
    const inner = value === 'map' ? { inner_map_fd: objects.map! } : {};
    const map = lab.map(kind, { ...shape, ...inner, ...(holder === undefined ? {} : types) });
    if (value === 'pushed') lab.kernel.bpf('BPF_MAP_UPDATE_ELEM', { map_fd: map, value: content });
    else if (value !== 'none') lab.update(map, key, content);
    lab.kernel.process.close(map);
  };
  round();
  const used = lab.kernel.memory.bytesInUse;
  for (let i = 0; i < ROUNDS; i++) round();
  expect(lab.kernel.memory.bytesInUse).toBe(used);
});
