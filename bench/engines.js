/**
 * `node bench/engines.js [--peer NAME=COMMAND]... [--json]`: the same bytecode in the interpreter, in the compiler to WebAssembly, and in
 * any outside engine that speaks the protocol of `bpflab bench-exec`: COMMAND PROG.bin MEM.bin N CALLS REPS prints `<r0 in hexadecimal>
 * <ns>` a line. Checks that all agree. Times are the best of several repetitions, each in a process of its own for each engine. Then what
 * helpers cost verified programs in the kernel (programs/xdp/helper_costs.c), and how long programs take to load.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { BpfObject, ethernet, ipv4, Kernel, packet, udp } from '../dist/index.js';
import { assembleProgram, decodeProgram, linkFunctionPointers, rawToBytes } from '../dist/isa/index.js';
import { Memory } from '../dist/vm/index.js';
import { JitEngine } from '../dist/vm/jit/index.js';
import { ENGINE_PROGRAMS } from './engine-programs.js';

const REPS = 9;
/** Rounds of each loop in helper_costs.c. */
const ROUNDS = 1000;
const HELPER_COSTS = new URL('../fixtures/programs/xdp/helper_costs.bpf.o', import.meta.url);
/** Programs compiled before load times are measured. */
const WARM_UP_LOADS = 40;
const CLI = fileURLToPath(new URL('../bin/bpflab.js', import.meta.url));

/**
 * As the command line compiles (src/cli/optimize.ts).
 * @param {number} slots
 */
const optimizeAtOnce = (slots) => {
  setFlagsFromString(slots <= 10_000 ? '--no-liftoff' : '--liftoff');
};

/** @typedef {{ name: string, command: string[] }} Peer */

/** 64 bytes of Ethernet, IPv4 and UDP at 4096, and something everywhere else. */
function memoryImage() {
  const memory = new Uint8Array(65536);
  for (let i = 8; i < memory.length; i++) memory[i] = Math.imul(i, 2654435761) >>> 24;
  memory.set(
    [0x08, 0x00, 0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x1f, 0x90, 0, 53],
    4108,
  );
  return memory;
}

/**
 * @param {Peer} peer
 * @param {string[]} args
 */
function runPeer(peer, args) {
  const [file = '', ...rest] = peer.command;
  const output = execFileSync(file, [...rest, ...args], { encoding: 'utf8' });
  const lines = output
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  return {
    results: lines.map(([result]) => BigInt(`0x${result ?? '0'}`)),
    ns: Math.min(...lines.map(([, ns]) => Number(ns))),
  };
}

/** @param {Peer[]} peers */
function compare(peers) {
  const folder = mkdtempSync(join(tmpdir(), 'bpflab-bench-'));
  try {
    const memoryFile = join(folder, 'mem.bin');
    writeFileSync(memoryFile, memoryImage());
    return Object.entries(ENGINE_PROGRAMS).map(([name, { n, calls, unit, text }]) => {
      const programFile = join(folder, 'prog.bin');
      writeFileSync(programFile, rawToBytes(assembleProgram(text).raws, 'little'));
      const args = [programFile, memoryFile, String(n), String(calls), String(REPS)];
      const runs = peers.map((peer) => ({ peer: peer.name, ...runPeer(peer, args) }));
      for (const run of runs) {
        if (run.results[0] !== runs[0]?.results[0]) {
          throw new Error(
            `${name}: ${run.peer} gives ${run.results[0]}, ${runs[0]?.peer} ${runs[0]?.results[0]}`,
          );
        }
      }
      return { name, unit, nsPerUnit: runs.map((run) => run.ns / (n * calls)) };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Milliseconds that something takes, the best of several times.
 * @param {() => void} action
 */
function best(action) {
  const times = Array.from({ length: REPS }, () => {
    const start = process.hrtime.bigint();
    action();
    return Number(process.hrtime.bigint() - start) / 1e6;
  });
  return Math.min(...times);
}

/** Nanoseconds a round of the helpers' loops, and a packet of `runMany`, in the kernel. */
function kernelTimes() {
  const kernel = new Kernel({ engine: 'jit', beforeCompile: optimizeAtOnce });
  const object = kernel.load(BpfObject.open(readFileSync(HELPER_COSTS)));
  for (let i = 0; i < ROUNDS; i++) {
    object.maps.by_long?.update(BigInt(i), 1n);
    object.maps.by_word_percpu?.update(i, [1n]);
    object.maps.recent?.update(i, 1n);
  }
  const loops = Object.values(object.programs).filter(({ name }) => name !== 'flow_hash');
  const rows = loops.map((program) => {
    const repeat = 200;
    const ms = best(() => program.testRun({ repeat }));
    return { name: program.name, ns: (ms * 1e6) / (repeat * ROUNDS) };
  });
  const frames = Array.from({ length: 1024 }, (_, i) =>
    packet(ethernet(), ipv4(), udp({ dport: i }), new Uint8Array(22)),
  );
  const results = new Int32Array(frames.length);
  const passes = 100;
  const ms = best(() => {
    for (let i = 0; i < passes; i++) object.programs.flow_hash?.runMany(frames, { results });
  });
  rows.push({ name: 'flow_hash, runMany', ns: (ms * 1e6) / (passes * frames.length) });
  const bytes = Uint8Array.from(frames.flatMap((frame) => [...frame]));
  const lengths = Uint32Array.from(frames, (frame) => frame.length);
  const packed = best(() => {
    for (let i = 0; i < passes; i++) object.programs.flow_hash?.runMany({ bytes, lengths }, { results });
  });
  rows.push({ name: '  of one array', ns: (packed * 1e6) / (passes * frames.length) });
  return rows;
}

/** Milliseconds from bytecode to the first result, in a process that has compiled other programs before. */
function loadTimes() {
  const memory = new Memory();
  const helpers = { entries: [], high: 0 };
  /**
   * @param {number} size
   * @param {number} seed
   */
  const once = (size, seed) => {
    const body = Array.from({ length: size - 2 }, (_, i) =>
      i % 8 === 7 ? `if r1 == ${i} goto +0` : `r${i % 6} += ${(i * seed) % 1000}`,
    );
    const { raws } = assembleProgram(`r0 = ${seed}\n${body.join('\n')}\nexit\n`);
    const engine = new JitEngine(memory, helpers, { beforeCompile: optimizeAtOnce });
    const start = process.hrtime.bigint();
    const insns = decodeProgram(linkFunctionPointers(raws));
    engine.execute({ name: 'load', insns, subprogs: [0], subprogNames: ['load'] }, 0);
    return Number(process.hrtime.bigint() - start) / 1e6;
  };
  for (let i = 0; i < WARM_UP_LOADS; i++) once(1000, i + 100);
  return [100, 1000, 10_000, 100_000].map((size) => {
    const times = Array.from({ length: 9 }, (_, i) => once(size, i + 3));
    return { size, ms: times.toSorted((a, b) => a - b)[4] ?? 0 };
  });
}

/** @param {string[]} argv */
function peersOf(argv) {
  /** @type {Peer[]} */
  const peers = ['interp', 'jit'].map((engine) => ({
    name: engine,
    command: [process.execPath, CLI, 'bench-exec', '--engine', engine],
  }));
  argv.forEach((word, index) => {
    if (word !== '--peer') return;
    const [name = '', ...command] = (argv[index + 1] ?? '').split('=');
    peers.push({ name, command: command.join('=').split(' ') });
  });
  return peers;
}

const peers = peersOf(process.argv.slice(2));
const rows = compare(peers);
const kernel = kernelTimes();
const loads = loadTimes();
if (process.argv.includes('--json')) {
  console.log(
    JSON.stringify({
      schemaVersion: 1,
      node: process.version,
      engines: peers.map(({ name }) => name),
      rows,
      kernel,
      loads,
    }),
  );
} else {
  console.log(`ns for each      ${peers.map(({ name }) => name.padStart(10)).join('')}   ratios to jit`);
  for (const { name, unit, nsPerUnit } of rows) {
    const jit = nsPerUnit[1] ?? Number.NaN;
    const times = nsPerUnit.map((ns) => ns.toFixed(2).padStart(10)).join('');
    const ratios = nsPerUnit.map((ns) => (ns / jit).toFixed(2)).join(' ');
    console.log(`${name.padEnd(17)}${times}   ${ratios}   ${unit}`);
  }
  console.log('\nns in the kernel, compiled and verified');
  for (const { name, ns } of kernel) console.log(`${name.padEnd(22)}${ns.toFixed(2).padStart(8)}`);
  console.log('');
  for (const { size, ms } of loads)
    console.log(`${size} instructions, bytes to first result: ${ms.toFixed(2)} ms`);
}
