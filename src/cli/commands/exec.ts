/**
 * `bpflab exec [MEM_HEX]`: raw bytecode from stdin on one piece of memory, as instruction-set suites run their programs.
 * Imports only what a run needs, because suites start it hundreds of times.
 */
import type { Command } from 'commander';
import { fromHex } from '../../base/bytes.ts';
import { IsaError, UsageError } from '../../base/errors.ts';
import { u64FromHalves } from '../../base/int64.ts';
import {
  decodeProgram,
  linkFunctionPointers,
  type RawInsn,
  rawFromBytes,
  subprogStarts,
} from '../../isa/index.ts';
import {
  type Engine,
  type HelperTable,
  InterpreterEngine,
  Memory,
  type PreparedProgram,
} from '../../vm/index.ts';
import { type Io, processStreams, type Streams } from '../io.ts';

interface ExecOptions {
  readonly engine: string;
  readonly budget: string;
  readonly json?: boolean;
}

const DEFAULT_BUDGET = 100_000_000;

export function define(command: Command, io: Io): void {
  command
    .description(
      'run raw bytecode, hexadecimal on stdin; r1 = address of the memory, r2 = its length; prints r0 in hexadecimal',
    )
    .argument('[memory...]', 'initial memory as hexadecimal bytes; none: r1 = r2 = 0')
    .option('--engine <name>', 'interp, jit or auto', engineName, 'interp')
    .option('--budget <n>', 'instructions that the run may take', `${DEFAULT_BUDGET}`)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  echo b700000007000000 9500000000000000 | bpflab exec
  bpflab asm prog.s | bpflab exec 0a0b0c0d --engine jit
`,
    )
    .action(async (memory: readonly string[], options: ExecOptions) => {
      const budget = Number(options.budget);
      if (!(budget >= 1))
        throw new UsageError('bad-argument', `--budget takes a count, not '${options.budget}'`);
      const r0 = execInput(memory, io, await engineMaker(options.engine, budget));
      if (options.json === true) (await import('../json.ts')).printJson(io, 'exec', { r0 });
      else io.out(`${r0.toString(16)}\n`);
    });
}

/** The engines' own list is in a module that loads the compiler. */
function engineName(name: string): string {
  if (['interp', 'jit', 'auto'].includes(name)) return name;
  throw new UsageError('unknown-engine', `there is no engine '${name}'; there are interp, jit, auto`);
}

type EngineMaker = (memory: Memory, helpers: HelperTable) => Engine;

const interpreter =
  (budget: number): EngineMaker =>
  (memory, helpers) =>
    new InterpreterEngine(memory, helpers, { budget });

/** The compiler is loaded only where it is asked for. */
async function engineMaker(name: string, budget: number): Promise<EngineMaker> {
  if (name === 'interp') return interpreter(budget);
  const [{ makeEngine }, { optimizeAtOnce }] = await Promise.all([
    import('../../vm/engines.ts'),
    import('../optimize.ts'),
  ]);
  const options = { budget, checked: true, beforeCompile: optimizeAtOnce };
  return (memory, helpers) => makeEngine(name, memory, helpers, options);
}

/** The whole of the command, as text on stdout; main.ts calls it when there are no options to parse. */
export function printResult(memory: readonly string[], streams: Streams = processStreams): void {
  streams.out(`${execInput(memory, streams, interpreter(DEFAULT_BUDGET)).toString(16)}\n`);
}

function execInput(memory: readonly string[], streams: Streams, makeEngine: EngineMaker): bigint {
  const bytecode = fromHex(new TextDecoder().decode(streams.read('-')));
  if (bytecode.length === 0)
    throw new IsaError('no-instructions', 'stdin is empty: it takes bytecode as hexadecimal text');
  return exec(bytecode, fromHex(memory.join(' ')), makeEngine);
}

/** Runs bytecode and gives r0. */
function exec(bytecode: Uint8Array, content: Uint8Array, makeEngine: EngineMaker): bigint {
  const memory = new Memory();
  const raws = rawFromBytes(bytecode, 'little').map(modernCallx);
  const insns = decodeProgram(linkFunctionPointers(raws));
  const starts = subprogStarts(insns);
  const program: PreparedProgram = {
    name: 'stdin',
    insns,
    subprogs: starts,
    subprogNames: starts.map((start) => (start === 0 ? 'main' : `subprog at ${start}`)),
  };
  const engine = makeEngine(memory, suiteHelpers());
  const address =
    content.length === 0 ? 0 : memory.allocate({ size: content.length, kind: 'ctx', name: 'memory' });
  if (address !== 0) memory.writeBytes(address, content);
  const low = engine.execute(program, address, content.length);
  return u64FromHalves(low, engine.r0High);
}

/** Clang before version 19 put callx's register into imm. */
function modernCallx(raw: RawInsn): RawInsn {
  const old = raw.opcode === CALLX && raw.dst === 0 && raw.imm > 0;
  return old ? { ...raw, dst: raw.imm, imm: 0 } : raw;
}

/** BPF_JMP | BPF_CALL | BPF_X. */
const CALLX = 0x8d;

/** The only helper of this mode: number 5 gives back its first argument. */
function suiteHelpers(): HelperTable {
  const table: HelperTable = { entries: [], high: 0, callxByNumber: true };
  const identity = (low: number, high: number): number => {
    table.high = high;
    return low;
  };
  const entries: HelperTable['entries'][number][] = [];
  entries[5] = { id: 5, name: 'identity', args: ['u64'], returns: 'u64', kind: 'plain', call: identity };
  return Object.assign(table, { entries });
}
