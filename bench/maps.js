/**
 * `node --expose-gc bench/maps.js [--json]`, a part of `npm run bench`: nanoseconds an operation on maps, from user space (bytes in, bytes
 * out) and from compiled programs, beside a JavaScript Map with the same keys in the same run; and the memory of a large hash. Best of
 * several runs.
 */
import { readFileSync } from 'node:fs';
import { createHelpers } from '../dist/helpers/index.js';
import { BpfObject, Kernel } from '../dist/index.js';
import { assembleProgram, decodeProgram, linkFunctionPointers } from '../dist/isa/index.js';
import { createMap } from '../dist/maps/index.js';
import { BpfMapType } from '../dist/spec/index.js';
import { Memory } from '../dist/vm/index.js';
import { JitEngine } from '../dist/vm/jit/index.js';

const RUNS = 12;
const LOOKUPS = 200_000;

/** @typedef {{ operation: string, side: 'user' | 'program' | 'javascript', ns: number }} Row */
/** @typedef {import('../dist/maps/index.js').BpfMap} BpfMap */

const memory = new Memory();
/** @type {Map<number, BpfMap>} */
const maps = new Map();
const env = { memory, cpuCount: 1, currentCpu: () => 0, random: () => 0x12345678 };

/**
 * @param {import('../dist/spec/index.js').BpfMapTypeName} type
 * @param {Partial<import('../dist/maps/index.js').MapAttr>} attr
 */
function make(type, attr) {
  const defaults = { name: 'bench', keySize: 4, valueSize: 8, maxEntries: 1024, flags: 0 };
  const map = createMap(env, { ...defaults, ...attr, type: BpfMapType[type] });
  maps.set(map.address, map);
  return map;
}

/**
 * Nanoseconds for one of `count` operations, the best of several runs.
 * @param {number} count
 * @param {() => unknown} run
 */
function best(count, run) {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < RUNS; i++) {
    const start = process.hrtime.bigint();
    run();
    least = Math.min(least, Number(process.hrtime.bigint() - start) / count);
  }
  return least;
}

/**
 * Keys of `size` bytes that differ in their first four, in an order that is no order.
 * @param {number} count
 * @param {number} size
 */
function keysOf(count, size) {
  return Array.from({ length: count }, (_, i) => {
    const key = new Uint8Array(size).fill(7);
    new DataView(key.buffer).setUint32(0, Math.imul(i, 2654435761) >>> 0, true);
    return key;
  });
}

/** @type {import('../dist/helpers/index.js').HelperRuntime} */
const runtime = {
  ...env,
  clock: { high: 0, read: () => 0 },
  numaNode: () => 0,
  currentTask: () => ({ pid: 1, tgid: 1, uid: 0, gid: 0, comm: 'bench', address: 0 }),
  cgroupPath: () => [1],
  currentTaskIsUnder: () => false,
  storageOwnerAt: () => undefined,
  cgroupRun: () => undefined,
  cgroupValue: () => 0,
  callStack: () => new Uint32Array(0),
  seqFileAt: () => undefined,
  mapAt: (address) => maps.get(address),
  trace: () => undefined,
  symbolAt: () => undefined,
  runningProgram: () => ({ type: 0, name: 'bench' }),
  tracedEvent: () => ({ functionAddress: { lo: 0, hi: 0 }, cookie: { lo: 0, hi: 0 } }),
  packet: () => undefined,
  message: () => undefined,
  eventSocket: () => undefined,
  socketAt: () => undefined,
  findSocket: () => undefined,
  socketChoice: () => undefined,
};
const engine = new JitEngine(memory, createHelpers(runtime, { checked: false }));

/**
 * A compiled loop: `body` runs LOOKUPS times with the round in r7 and the map in r1.
 * @param {BpfMap} map
 * @param {string} body
 */
function loop(map, body) {
  const text = `r6 = ${LOOKUPS}
r7 = 0
r8 = 0
*(u64 *)(r10 - 64) = r8
*(u64 *)(r10 - 56) = r8
*(u64 *)(r10 - 16) = r8
*(u64 *)(r10 - 8) = r8
again:
r1 = ${map.address}
${body}
r7 += 1
if r7 < r6 goto again
r0 = r8
exit
`;
  const { raws } = assembleProgram(text, {
    resolveCall: (name) => ({ kind: 'call-helper', id: Number(name.slice(1)) }),
  });
  const program = {
    name: 'bench',
    insns: decodeProgram(linkFunctionPointers(raws)),
    subprogs: [0],
    subprogNames: ['bench'],
  };
  return best(LOOKUPS, () => engine.execute(program, 0));
}

/**
 * Looks all keys up, from user space and beside it in a JavaScript Map: of numbers for keys of 4 bytes, else of strings.
 * @param {number} entries
 * @param {number} keySize
 * @returns {Row[]}
 */
function hashLookup(entries, keySize) {
  const map = make('BPF_MAP_TYPE_HASH', { keySize, maxEntries: entries });
  const keys = keysOf(entries, keySize);
  const value = new Uint8Array(8);
  for (const key of keys) map.updateUser(key, value, 0);
  const rounds = Math.ceil(LOOKUPS / entries);
  const user = best(rounds * entries, () => {
    let found = 0;
    for (let round = 0; round < rounds; round++)
      for (let i = 0; i < entries; i++) found += map.readUser(keys[i] ?? value, value, 0);
    return found;
  });
  const numbers = keys.map((key) => new DataView(key.buffer).getUint32(0, true));
  const bytes = keys.map((key) => Buffer.from(key.buffer));
  const texts = bytes.map((key) => key.toString('latin1'));
  /** @type {Map<unknown, number>} */
  const plain = new Map((keySize === 4 ? numbers : texts).map((key, i) => [key, i]));
  const own = best(rounds * entries, () => {
    let sum = 0;
    for (let round = 0; round < rounds; round++)
      // A user of a Map of strings has bytes, too, and must make the string first.
      for (let i = 0; i < entries; i++)
        sum += plain.get(keySize === 4 ? numbers[i] : bytes[i]?.toString('latin1')) ?? 0;
    return sum;
  });
  const operation = `hash lookup, ${keySize}-byte keys, ${entries} entries`;
  /** @type {Row[]} */
  const rows = [
    { operation, side: 'user', ns: user },
    { operation, side: 'javascript', ns: own },
  ];
  if (keySize === 4 || keySize === 8) {
    const multiply = `r2 = r7\nr2 &= ${entries - 1}\nw2 *= -1640531535\n*(u32 *)(r10 - 16) = r2\n`;
    const ns = loop(map, `${multiply}r2 = r10\nr2 += -16\ncall h1\nif r0 == 0 goto miss\nr8 += 1\nmiss:`);
    rows.push({ operation, side: 'program', ns });
  }
  map.free();
  return rows;
}

/**
 * The same for a map of numbers by numbers as users of the library hold it: numbers in, numbers out.
 * @param {number} entries
 * @returns {Row[]}
 */
function numberLookup(entries) {
  const file = new URL('../fixtures/programs/xdp/packet_sizes.bpf.o', import.meta.url);
  const object = BpfObject.open(new Uint8Array(readFileSync(file)), { name: 'packet_sizes' });
  const map = object.maps.exact_size_dist_linear;
  if (map === undefined) throw new Error('packet_sizes has no map of numbers by numbers');
  map.maxEntries = entries;
  new Kernel().load(object);
  const numbers = Array.from({ length: entries }, (_, i) => Math.imul(i, 2654435761) >>> 0);
  numbers.forEach((number, i) => {
    map.update(number, i);
  });
  const plain = new Map(numbers.map((number, i) => [number, i]));
  const rounds = Math.ceil(LOOKUPS / entries);
  const user = best(rounds * entries, () => {
    let sum = 0;
    for (let round = 0; round < rounds; round++)
      for (let i = 0; i < entries; i++) sum += Number(map.lookup(numbers[i] ?? 0));
    return sum;
  });
  const own = best(rounds * entries, () => {
    let sum = 0;
    for (let round = 0; round < rounds; round++)
      for (let i = 0; i < entries; i++) sum += plain.get(numbers[i] ?? 0) ?? 0;
    return sum;
  });
  const operation = `map.lookup(number) in a hash, ${entries} entries`;
  return [
    { operation, side: 'user', ns: user },
    { operation, side: 'javascript', ns: own },
  ];
}

/** @returns {Row[]} */
function arrayLookup() {
  const key = new Uint8Array(4);
  const value = new Uint8Array(8);
  const array = make('BPF_MAP_TYPE_ARRAY', {});
  const list = Array.from({ length: 1024 }, (_, i) => i);
  const words = new Uint32Array(key.buffer);
  return [
    {
      operation: 'array lookup',
      side: 'user',
      ns: best(LOOKUPS, () => {
        for (let i = 0; i < LOOKUPS; i++) {
          words[0] = i & 1023;
          array.readUser(key, value, 0);
        }
      }),
    },
    {
      operation: 'array lookup',
      side: 'javascript',
      ns: best(LOOKUPS, () => {
        let sum = 0;
        for (let i = 0; i < LOOKUPS; i++) sum += list[i & 1023] ?? 0;
        return sum;
      }),
    },
    {
      operation: 'array lookup',
      side: 'program',
      ns: loop(
        array,
        'r2 = r7\nr2 &= 1023\n*(u32 *)(r10 - 16) = r2\nr2 = r10\nr2 += -16\ncall h1\nif r0 == 0 goto miss\nr2 = *(u64 *)(r0 + 0)\nr8 += r2\nmiss:',
      ),
    },
  ];
}

/** @returns {Row[]} */
function updates() {
  const update =
    'r2 = r7\nr2 &= MASK\n*(u32 *)(r10 - 16) = r2\nr2 = r10\nr2 += -16\nr3 = r10\nr3 += -64\nr4 = 0\ncall h2';
  const hash = make('BPF_MAP_TYPE_HASH', {});
  const plain = new Map();
  const lru = make('BPF_MAP_TYPE_LRU_HASH', {});
  return [
    { operation: 'hash update', side: 'program', ns: loop(hash, update.replace('MASK', '1023')) },
    {
      operation: 'hash update',
      side: 'javascript',
      ns: best(LOOKUPS, () => {
        for (let i = 0; i < LOOKUPS; i++) plain.set(i & 1023, i);
      }),
    },
    { operation: 'LRU update when full', side: 'program', ns: loop(lru, update.replace('MASK', '65535')) },
  ];
}

/** @returns {Row} */
function trieLookup() {
  const trie = make('BPF_MAP_TYPE_LPM_TRIE', { keySize: 8, maxEntries: 10_000, flags: 1 });
  const prefix = new Uint8Array(8);
  const value = new Uint8Array(8);
  for (let i = 0; i < 10_000; i++) {
    const view = new DataView(prefix.buffer);
    view.setUint32(0, 16 + (i % 17), true);
    view.setUint32(4, Math.imul(i, 2654435761) >>> 0, true);
    trie.updateUser(prefix, value, 0);
  }
  return {
    operation: 'LPM lookup, 10,000 prefixes',
    side: 'program',
    ns: loop(
      trie,
      'r2 = 32\n*(u32 *)(r10 - 16) = r2\nr2 = r7\nw2 *= -1640531535\n*(u32 *)(r10 - 12) = r2\nr2 = r10\nr2 += -16\ncall h1',
    ),
  };
}

/** @returns {Row} */
function ringBuffer() {
  const ring = make('BPF_MAP_TYPE_RINGBUF', { keySize: 0, valueSize: 0, maxEntries: 1 << 23 });
  /** @type {Row} */
  const row = {
    operation: 'ring buffer reserve and submit',
    side: 'program',
    ns: loop(
      ring,
      'r2 = 24\nr3 = 0\ncall h131\nif r0 == 0 goto full\nr1 = r0\nr2 = 1\ncall h132\nr8 += 1\nfull:',
    ),
  };
  ring.ring?.consume(() => true);
  return row;
}

/** MiB of linear memory, with the marks of access, that a hash of a million entries of 8 and 8 bytes takes. */
function megabytes() {
  const before = memory.bytesInUse;
  const map = make('BPF_MAP_TYPE_HASH', { keySize: 8, maxEntries: 1_000_000 });
  const used = (memory.bytesInUse - before) * 1.25;
  map.free();
  return used / 2 ** 20;
}

/** @type {Row[]} */
const rows = [1024, 65_536].flatMap(numberLookup);
rows.push(
  ...[1024, 65_536].flatMap((entries) => [4, 8, 16, 64].flatMap((size) => hashLookup(entries, size))),
);
rows.push(...arrayLookup(), ...updates(), trieLookup(), ringBuffer());
const memoryMiB = megabytes();
if (process.argv.includes('--json')) {
  console.log(
    JSON.stringify({ schemaVersion: 1, node: process.version, maps: rows, millionEntriesMiB: memoryMiB }),
  );
} else {
  console.log(`${'maps, ns an operation'.padEnd(44)}    user  program  JavaScript`);
  for (const operation of new Set(rows.map((row) => row.operation))) {
    const columns = /** @type {const} */ (['user', 'program', 'javascript']).map((side) => {
      const row = rows.find((one) => one.operation === operation && one.side === side);
      return (row === undefined ? '' : row.ns.toFixed(1)).padStart(side === 'javascript' ? 12 : 9);
    });
    console.log(operation.padEnd(43) + columns.join(''));
  }
  console.log(`a hash of 1,000,000 entries of 8 + 8 bytes: ${memoryMiB.toFixed(1)} MiB`);
}
