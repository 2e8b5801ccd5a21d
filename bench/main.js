/**
 * `node bench/main.js [--json]`, the first part of `npm run bench`: nanoseconds an instruction of the interpreter on loops of each kind, and
 * how many times slower an interpreter with BigInt registers is in the same run. Medians of several runs, each long enough that the clock's
 * steps do not matter.
 */
import { assembleProgram, decodeProgram, linkFunctionPointers, subprogStarts } from '../dist/isa/index.js';
import { Interpreter, Memory } from '../dist/vm/index.js';
import { runWithBigInts } from './bigint-interpreter.js';
import { PROGRAMS } from './programs.js';

const RUNS = 15;
const WARM_UP_RUNS = 5;
const HELPER_ID = 1;

/** @typedef {{ kind: string, nsPerInsn: number, bestNsPerInsn: number, bigintNsPerInsn: number, ratio: number }} Row */

/** @param {number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

/**
 * Nanoseconds an instruction of each run; `run` returns the instructions it took.
 * @param {() => number} run
 * @param {number} runs
 */
function measure(run, runs) {
  for (let i = 0; i < WARM_UP_RUNS; i++) run();
  /** @type {number[]} */
  const results = [];
  for (let i = 0; i < runs; i++) {
    const start = process.hrtime.bigint();
    const insns = run();
    results.push(Number(process.hrtime.bigint() - start) / insns);
  }
  return results;
}

/** @param {string} text */
function prepare(text) {
  const { raws } = assembleProgram(text, {
    resolveCall: (name) => (name === 'measured' ? { kind: 'call-helper', id: HELPER_ID } : undefined),
  });
  const insns = decodeProgram(linkFunctionPointers(raws));
  const subprogs = subprogStarts(insns);
  return { name: 'bench', insns, subprogs, subprogNames: subprogs.map(String) };
}

/** @returns {Row[]} */
function measureAll() {
  const memory = new Memory();
  const address = memory.allocate({ size: 64, kind: 'ctx', name: 'bench' });
  const stack = memory.allocate({ size: 512, kind: 'stack', name: 'bench' });
  /** @type {import('../dist/vm/index.js').HelperEntry} */
  const helper = {
    id: HELPER_ID,
    name: 'measured',
    args: ['ptr', 'u32'],
    returns: 'int',
    kind: 'plain',
    call: (a, b) => a + b,
  };
  const interpreter = new Interpreter(memory, { entries: [undefined, helper], high: 0 });
  return Object.entries(PROGRAMS).map(([kind, text]) => {
    const program = prepare(text);
    const own = measure(() => {
      interpreter.start(program, address);
      const status = interpreter.run();
      if (status.kind === 'faulted') throw status.fault;
      return interpreter.executed;
    }, RUNS);
    const bigint = measure(
      () =>
        runWithBigInts(program.insns, memory.view, BigInt(address), BigInt(stack + 512), (a, b) =>
          BigInt.asIntN(32, a + b),
        ),
      Math.ceil(RUNS / 3),
    );
    return {
      kind,
      nsPerInsn: median(own),
      bestNsPerInsn: Math.min(...own),
      bigintNsPerInsn: median(bigint),
      ratio: median(bigint) / median(own),
    };
  });
}

const rows = measureAll();
if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ schemaVersion: 1, node: process.version, interpreter: rows }));
} else {
  console.log('interpreter     ns/insn     best   BigInt    ratio');
  for (const { kind, nsPerInsn, bestNsPerInsn, bigintNsPerInsn, ratio } of rows) {
    const columns = [nsPerInsn, bestNsPerInsn, bigintNsPerInsn, ratio].map((value) => value.toFixed(2));
    console.log(kind.padEnd(14) + columns.map((column) => column.padStart(9)).join(''));
  }
}
