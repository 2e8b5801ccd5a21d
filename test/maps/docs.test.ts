/** docs/maps.md is made from the map types themselves; `BLESS=1 npx vitest run test/maps/docs.test.ts` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { batchCommands, MapFlag } from '../../src/maps/index.ts';
import { MAP_KINDS } from '../../src/maps/kinds.ts';
import { BpfMapType } from '../../src/spec/index.ts';
import { HELPERS_OF_MAP } from '../../src/spec/map-helpers.ts';
import { type Kind, type Shape, TestMachine } from './harness.ts';

const ROOT = join(import.meta.dirname, '../..');
const FILE = join(ROOT, 'docs/maps.md');
const ENTRIES = 1000;

/** What a type is for, and attributes that make one. */
const PURPOSES: Readonly<Record<string, readonly [purpose: string, shape: Shape]>> = {
  HASH: ['values by any key', {}],
  ARRAY: ['values by index, all there from the start, zero', {}],
  PROG_ARRAY: ['programs to jump to', { valueSize: 4 }],
  PERF_EVENT_ARRAY: ['samples to user space, a buffer for each CPU', { valueSize: 4 }],
  PERCPU_HASH: ['as HASH, a value for each CPU', {}],
  PERCPU_ARRAY: ['as ARRAY, a value for each CPU', {}],
  STACK_TRACE: ['call stacks by id', {}],
  CGROUP_ARRAY: ['cgroups to ask about', { valueSize: 4 }],
  LRU_HASH: ['as HASH, but the least used entry gives way', {}],
  LRU_PERCPU_HASH: ['as LRU_HASH, a value for each CPU', {}],
  LPM_TRIE: ['values by prefix, the longest one wins', { keySize: 8, flags: 1 }],
  ARRAY_OF_MAPS: ['maps by index', { valueSize: 4 }],
  HASH_OF_MAPS: ['maps by any key', { valueSize: 4 }],
  DEVMAP: ['devices to redirect packets to, by index', {}],
  SOCKMAP: ['sockets by index', {}],
  CPUMAP: ['CPUs to redirect packets to', {}],
  XSKMAP: ['AF_XDP sockets to redirect packets to', { valueSize: 4 }],
  SOCKHASH: ['sockets by any key', {}],
  CGROUP_STORAGE: ['a value for each cgroup that the program is attached to', { keySize: 8, maxEntries: 0 }],
  REUSEPORT_SOCKARRAY: ['sockets of a SO_REUSEPORT group', {}],
  PERCPU_CGROUP_STORAGE: ['as CGROUP_STORAGE, a value for each CPU', { keySize: 8, maxEntries: 0 }],
  QUEUE: ['values in order, first in, first out', { keySize: 0 }],
  STACK: ['values in order, last in, first out', { keySize: 0 }],
  SK_STORAGE: ['a value for each socket', {}],
  DEVMAP_HASH: ['devices to redirect packets to, by any number', {}],
  STRUCT_OPS: [
    "the kernel's operations replaced by programs: TCP's congestion control, where the kernel's types are given",
    {},
  ],
  RINGBUF: ['records to user space, one buffer for all CPUs', { keySize: 0, valueSize: 0, maxEntries: 4096 }],
  INODE_STORAGE: ['a value for each inode', {}],
  TASK_STORAGE: ['a value for each task', {}],
  BLOOM_FILTER: ['whether a value was ever added, perhaps', { keySize: 0 }],
  USER_RINGBUF: ['records from user space', { keySize: 0, valueSize: 0, maxEntries: 4096 }],
  CGRP_STORAGE: ['a value for each cgroup', {}],
  ARENA: ['pages shared with user space', { keySize: 0, valueSize: 0, flags: MapFlag.BPF_F_MMAPABLE }],
};

/** Types without entries that any helper could work on. */
const KEYLESS = new Set<string>(['ARENA', 'STRUCT_OPS']);

/** The flags that a type takes alone or beside those that it needs, by asking it. */
function flagsOf(kind: Kind, machine: TestMachine, shape: Shape): string {
  const needed = shape.flags ?? 0;
  const taken = Object.entries(MapFlag).filter(
    ([name, bit]) =>
      name !== 'BPF_F_TOKEN_FD' && machine.creation(kind, { ...shape, flags: needed | bit }) === 'ok',
  );
  return taken.map(([name]) => name.slice('BPF_F_'.length)).join(', ');
}

/** Bytes of linear memory for each of a thousand entries of 8 bytes, without the marks of access. */
function costOf(kind: Kind, machine: TestMachine, shape: Shape): string {
  if (shape.maxEntries !== undefined || kind === 'ARENA') return '';
  const before = machine.memory.bytesInUse;
  const map = machine.map(kind, { ...shape, maxEntries: ENTRIES });
  for (let i = 0; i < ENTRIES && kind === 'LPM_TRIE'; i++) {
    map.updateUser(Uint8Array.of(32, 0, 0, 0, i, i >> 8, 0, 0), new Uint8Array(8), 0);
  }
  const bytes = machine.memory.bytesInUse - before;
  map.free();
  return String(Math.round(bytes / ENTRIES));
}

function row(kind: Kind, type: number): string {
  const [purpose, shape] = PURPOSES[kind]!;
  const machine = new TestMachine();
  const innerMap = machine.map('ARRAY');
  const full = kind.endsWith('OF_MAPS') ? { ...shape, innerMap } : shape;
  const creatable = machine.creation(kind, full) === 'ok';
  const helpers =
    HELPERS_OF_MAP[type]?.map((name) => `\`${name.slice(4)}\``).join(', ') ??
    (KEYLESS.has(kind) ? '' : 'lookup, update, delete');
  const cells = [
    `\`${kind}\``,
    purpose,
    creatable ? flagsOf(kind, machine, full) : '',
    MAP_KINDS.get(type)?.capability ?? '',
    helpers,
    batchCommands(type).length > 0 ? batchCommands(type).join(', ') : '',
    creatable ? costOf(kind, machine, full) : '',
  ];
  return `| ${cells.join(' | ')} |`;
}

function page(): string {
  const rows = Object.entries(BpfMapType)
    .filter(([name]) => name.slice('BPF_MAP_TYPE_'.length) in PURPOSES)
    .sort(([, a], [, b]) => a - b)
    .map(([name, type]) => row(name.slice('BPF_MAP_TYPE_'.length) as Kind, type));
  const example = readFileSync(join(ROOT, 'examples/object-maps.test.ts'), 'utf8');
  return `# Maps

All map types of Linux 6.12, made from the types themselves by \`test/maps/docs.test.ts\`. *flags*: those of BPF_MAP_CREATE that the
type takes with 4-byte keys and 8-byte values (BPF_F_ left out), found by asking it; kinds of local storage take NO_PREALLOC, which they need,
and CLONE. *needs*: the capability beside CAP_BPF. *helpers*: those that take the type. *bytes*: linear memory for each of 1,000 entries with
values of 8 bytes on one CPU; the marks of access are a quarter more.

| type | for | flags | needs | helpers | batches | bytes |
|---|---|---|---|---|---|---|
${rows.join('\n')}

## Errors

What creation answers is compared with the kernel on more than 12,000 combinations of sizes, entries and flags
(\`fixtures/kernel-6.12/map-create.json\`). Of a map that exists:

| error | when |
|---|---|
| ENOENT | no such entry; BPF_EXIST for a key that is not there; the last key was reached |
| EEXIST | BPF_NOEXIST for a key that is there; array elements are always there |
| E2BIG | the map is full; an index behind the last one |
| EINVAL | unknown flags; deletion from an array; BPF_F_LOCK without a lock in the value; a device or inner map that does not fit |
| EPERM | the descriptor, or freezing, does not allow it |
| ENOTSUPP, EOPNOTSUPP | the type does not know the operation |
| ENOSPC | the first bucket of a batch does not fit; a socket's cookie in a value of 4 bytes |
| EBADF, ENOTSOCK | the value or key is a descriptor, and of nothing or the wrong thing |

## Where values live

Values lie in linear memory and keep their address. An update of a HASH puts a new element in, so a program that looked the old value up
goes on reading it, as under RCU in the kernel; so do values of local storage, cgroup storage and tries that are deleted while a program runs:
their memory is used again when it has ended. A hash of 1,000,000 entries of 8 + 8 bytes takes 34 MiB (\`npm run bench\`).

User space looks integers of 4 bytes up, and stores and deletes them, without encoding: in maps whose keys are such integers, and whose values are
integers of 1 to 8 bytes, \`map.lookup(number)\` takes 1.4 times as long as a JavaScript \`Map\` of numbers with 1,024 entries, and less with 65,536.

## Special fields

Locks, timers, work queues, kernel pointers, lists, trees and reference counts in values are found by BTF. Copies leave their bytes alone: user
space reads zeros, updates do not change them. When a value is deleted, replaced or evicted, or its map freed, its fields are emptied:

| field | what it holds here | when the value goes |
|---|---|---|
| \`bpf_spin_lock\` | 1 while a program has it | nothing |
| \`bpf_timer\` | a timer; it expires when \`kernel.clock.advance\` reaches its time, and on the CPU that started it | it is cancelled and lets go of its program; so do all timers of a map when user space lets go of that |
| \`kptr\` and its kin | what bpf_kptr_xchg puts there; objects are not counted | it is cleared |
| \`bpf_list_head\`, \`bpf_rb_root\` | nothing: nodes are made by kernel functions, which cannot be called yet | its bytes are cleared |
| \`bpf_wq\` | nothing: it is used by kernel functions alone | its bytes are cleared |
| \`bpf_refcount\` | its bytes | nothing |

The verifier does not know timers and kernel pointers yet, so programs that use them need an unsafe kernel (\`new Kernel({ unsafe: true })\`,
\`--unsafe\`). With a clock that has a source, timers expire at the next \`advance\`, which may be of 0 ns. A function that a tail call led to
cannot be given to a timer.

## Objects of the kernel

Keys or values of some types are objects: sockets (\`kernel.sockets.open\`), cgroups (\`kernel.cgroups.make\`), tasks (\`kernel.spawn\`), devices
(\`kernel.devices.add\`), inodes (\`kernel.inodes.find\`). \`lookup\`, \`update\` and \`delete\` of a map take them as they are; through bpf(2) they are
descriptors (\`kernel.process.openObject\`). This example is run with the tests (\`examples/object-maps.test.ts\`):

\`\`\`ts
${example.trim()}
\`\`\`
`;
}

it('docs/maps.md knows every type', () => {
  expect(Object.keys(PURPOSES)).toHaveLength(MAP_KINDS.size);
});

it('docs/maps.md says what the types are', () => {
  const text = page();
  if (process.env.BLESS === '1') writeFileSync(FILE, text);
  expect(readFileSync(FILE, 'utf8')).toBe(text);
});
