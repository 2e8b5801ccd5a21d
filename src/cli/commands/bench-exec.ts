/**
 * `bpflab bench-exec PROG MEM N CALLS REPS`: times raw bytecode, in the form in which benchmarks drive engines from outside. Each repetition
 * prints the last r0 in hexadecimal and its nanoseconds. The helpers are the protocol's: 1 returns 0, 2 is the address of one of 1,024
 * slots of 8 bytes in the memory, 3 adds 1.
 */
import type { Command } from 'commander';
import { UsageError } from '../../base/errors.ts';
import { u64FromHalves } from '../../base/int64.ts';
import { decodeProgram, linkFunctionPointers, rawFromBytes, subprogStarts } from '../../isa/index.ts';
import { makeEngine, type RepeatingEngine } from '../../vm/engines.ts';
import { type HelperEntry, type HelperTable, Memory, type PreparedProgram } from '../../vm/index.ts';
import type { Io } from '../io.ts';
import { optimizeAtOnce } from '../optimize.ts';
import { integerOption, u64Option } from '../options.ts';

const MEMORY_BYTES = 65536;
const SLOTS_AT = 32768;
const SLOTS = 1024;

const HELPERS = `
Helpers:
  1  returns 0
  2  gives the address of slot r1 of 1,024 (8 bytes each, from byte 32,768 of
     the memory on)
  3  returns r1 + 1
`;

interface BenchOptions {
  readonly engine: string;
}

/** The most runs that engines make without leaving WebAssembly in between. */
const MOST = 0x7fffffff;

export function define(command: Command, io: Io): void {
  command
    .description(
      'time raw bytecode, accesses not checked; r1 = a memory of 65,536 bytes whose first 8 are set to N, r2 = its length; ' +
        'prints `<last r0 in hexadecimal> <nanoseconds>` for each repetition',
    )
    .addHelpText('after', HELPERS)
    .argument('<program>', 'file of raw bytecode')
    .argument('<memory>', 'file of 65,536 bytes')
    .argument('<n>', 'number in the first 8 bytes of the memory', u64Option('N'))
    .argument('<calls>', 'runs of the program in each repetition', integerOption('CALLS', 1, MOST))
    .argument('<reps>', 'repetitions', integerOption('REPS', 0, MOST))
    .option('--engine <name>', 'interp, jit or auto', 'auto')
    .addHelpText(
      'after',
      `
Each repetition prints the last r0 in hexadecimal and its nanoseconds.

Examples:
  bpflab bench-exec prog.bin memory.bin 1000 10000 5
`,
    )
    .action(
      (program: string, memory: string, n: bigint, calls: number, reps: number, options: BenchOptions) => {
        const bench = new Bench(io.read(program), io.read(memory), n, options.engine);
        for (let rep = 0; rep < reps; rep++) io.out(`${bench.repetition(calls)}\n`);
      },
    );
}

class Bench {
  private readonly engine: RepeatingEngine;
  private readonly program: PreparedProgram;
  private readonly address: number;

  constructor(bytecode: Uint8Array, content: Uint8Array, n: bigint, engine: string) {
    if (content.length !== MEMORY_BYTES) {
      throw new UsageError(
        'bad-memory',
        `the memory file has ${content.length} bytes; it must have ${MEMORY_BYTES}`,
      );
    }
    const memory = new Memory();
    this.address = memory.allocate({ size: MEMORY_BYTES, kind: 'ctx', name: 'memory', align: 8 });
    memory.writeBytes(this.address, content);
    memory.view.setBigUint64(this.address, n, true);
    const insns = decodeProgram(linkFunctionPointers(rawFromBytes(bytecode, 'little')));
    const subprogs = subprogStarts(insns);
    this.program = { name: 'bench', insns, subprogs, subprogNames: subprogs.map((slot) => `f${slot}`) };
    this.engine = makeEngine(engine, memory, protocolHelpers(this.address + SLOTS_AT), {
      beforeCompile: optimizeAtOnce,
    });
    // What it takes to load a program is measured elsewhere (bench/engines.js).
    this.engine.prepare(this.program);
  }

  /** Runs the program `calls` times; `<r0 in hexadecimal> <nanoseconds>`. */
  repetition(calls: number): string {
    const { engine, program, address } = this;
    let low = 0;
    const start = process.hrtime.bigint();
    if (engine.repeat !== undefined) low = engine.repeat(program, calls, address, MEMORY_BYTES);
    else for (let i = 0; i < calls; i++) low = engine.execute(program, address, MEMORY_BYTES);
    const ns = process.hrtime.bigint() - start;
    return `${u64FromHalves(low, engine.r0High).toString(16)} ${ns}`;
  }
}

function protocolHelpers(slots: number): HelperTable {
  const table: { high: number; entries: (HelperEntry | undefined)[] } = { high: 0, entries: [] };
  table.entries = [
    undefined,
    { id: 1, name: 'nop', args: [], returns: 'int', kind: 'plain', call: () => 0 },
    {
      id: 2,
      name: 'array',
      args: ['u64'],
      returns: 'ptr',
      kind: 'plain',
      call: (low, high) => (high === 0 && low >>> 0 < SLOTS ? slots + low * 8 : 0),
      inline: { kind: 'element', values: slots, stride: 8, count: SLOTS },
    },
    {
      id: 3,
      name: 'increment',
      args: ['u64'],
      returns: 'u64',
      kind: 'plain',
      call: (low, high) => {
        const next = (low + 1) | 0;
        table.high = next === 0 ? high + 1 : high;
        return next;
      },
    },
  ];
  return table;
}
