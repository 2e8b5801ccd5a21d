/**
 * `node --expose-gc bench/verifier.js [--json]`, a part of `npm run bench`: instructions a second that the verifier walks, without log
 * or observer, and the memory it takes, on programs made in verifier-programs.js.
 *
 *   node --expose-gc bench/verifier.js --objects DIR [--btf FILE] [--min N]
 *
 * measures instead all programs of the objects in a folder on which the walk looks at N instructions or more (10,000). `first` is the
 * first run in a process that has verified none of this kind yet, mostly the compiling of the verifier itself; the rate is the best run's.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BpfError, BpfObject, parseBtf, VerifierInputs } from '../dist/index.js';
import { verify } from '../dist/verifier/index.js';
import { VERIFIER_PROGRAMS } from './verifier-programs.js';

/** Each program is verified again for this long, and at least so often: the verifier itself must be compiled first. */
const LEAST_MS = 1000;
const LEAST_RUNS = 3;
const MIB = 1024 * 1024;
const XDP = 6;

/** @typedef {import('../dist/verifier/index.js').VerifierInput} VerifierInput */
/** @typedef {{ name: string, verdict: string, insns: number, states: number, firstMs: number, ms: number, insnsPerSecond: number, mib: number }} Row */

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    objects: { type: 'string' },
    btf: { type: 'string' },
    min: { type: 'string', default: '10000' },
  },
});

/** Memory that JavaScript and typed arrays take. */
function used() {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/**
 * @param {string} name
 * @param {VerifierInput} input
 * @param {number} least instructions; shorter walks are not measured
 * @returns {Row | undefined}
 */
function measure(name, input, least) {
  globalThis.gc?.();
  const before = used();
  const started = performance.now();
  const { verdict, stats } = verify(input);
  const firstMs = performance.now() - started;
  const mib = (used() - before) / MIB;
  if (stats.insns < least) return undefined;
  let ms = firstMs;
  for (let run = 1, spent = firstMs; run < LEAST_RUNS || spent < LEAST_MS; run++) {
    globalThis.gc?.();
    const start = performance.now();
    verify(input);
    const took = performance.now() - start;
    spent += took;
    ms = Math.min(ms, took);
  }
  const { insns, totalStates: states } = stats;
  return { name, verdict, insns, states, firstMs, ms, insnsPerSecond: (1000 * insns) / ms, mib };
}

/** @returns {Generator<[string, VerifierInput]>} */
function* generated() {
  for (const [name, insns] of Object.entries(VERIFIER_PROGRAMS))
    yield [name, { insns, type: XDP, attachType: 0, flags: 0, license: 'GPL', maps: new Map() }];
}

/**
 * @param {string} folder
 * @returns {Generator<[string, VerifierInput]>}
 */
function* fromObjects(folder) {
  const kernelTypes = options.btf === undefined ? [] : [parseBtf(new Uint8Array(readFileSync(options.btf)))];
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.o')) continue;
    try {
      const object = BpfObject.open(new Uint8Array(readFileSync(join(folder, file))), { name: file });
      const inputs = new VerifierInputs(object, { kernelTypes });
      for (const program of object.spec.programs) yield [`${file}:${program.name}`, inputs.of(program)];
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
    }
  }
}

const cases = options.objects === undefined ? generated() : fromObjects(options.objects);
const least = options.objects === undefined ? 0 : Number(options.min);
/** @type {Row[]} */
const rows = [];
for (const [name, input] of cases) {
  const row = measure(name, input, least);
  if (row !== undefined) rows.push(row);
}
if (options.json) {
  console.log(JSON.stringify({ schemaVersion: 1, node: process.version, verifier: rows }));
} else {
  const width = Math.max(8, ...rows.map(({ name }) => name.length)) + 1;
  console.log(`${'verifier'.padEnd(width)}verdict     insns  states   first ms   best ms  insns/s    MiB`);
  for (const { name, verdict, insns, states, firstMs, ms, insnsPerSecond, mib } of rows) {
    const columns = [
      verdict.padEnd(7),
      String(insns).padStart(10),
      String(states).padStart(8),
      firstMs.toFixed(1).padStart(11),
      ms.toFixed(1).padStart(10),
      `${(insnsPerSecond / 1e6).toFixed(2)} M`.padStart(9),
      mib.toFixed(0).padStart(7),
    ];
    console.log(name.padEnd(width) + columns.join(''));
  }
}
