/**
 * `bpflab exec [MEM_HEX]`: raw bytecode from stdin on one piece of memory, as instruction-set suites run their programs.
 * Imports only what a run needs, because suites start it hundreds of times.
 */
import type { Command } from 'commander';
import { fromHex } from '../../base/bytes.ts';
import { u64FromHalves } from '../../base/int64.ts';
import {
  decodeProgram,
  linkFunctionPointers,
  type RawInsn,
  rawFromBytes,
  subprogStarts,
} from '../../isa/index.ts';
import { type HelperTable, InterpreterEngine, Memory, type PreparedProgram } from '../../vm/index.ts';
import { type Io, processStreams, type Streams } from '../io.ts';

interface ExecOptions {
  readonly budget: string;
  readonly json?: boolean;
}

const DEFAULT_BUDGET = '100000000';

export function define(command: Command, io: Io): void {
  command
    .description(
      'run raw bytecode, hexadecimal on stdin; r1 = address of the memory, r2 = its length; prints r0 in hexadecimal',
    )
    .argument('[memory...]', 'initial memory as hexadecimal bytes; none: r1 = r2 = 0')
    .option('--engine <name>', 'interp or auto', 'auto')
    .option('--budget <n>', 'instructions that the run may take', DEFAULT_BUDGET)
    .option('--json', 'print one JSON document')
    .action(async (memory: readonly string[], options: ExecOptions) => {
      if (options.json === true)
        (await import('../json.ts')).printJson(io, 'exec', { r0: execInput(memory, io, options) });
      else printResult(memory, io, options);
    });
}

/** The whole of the command, as text on stdout; main.ts calls it when there are no options to parse. */
export function printResult(
  memory: readonly string[],
  streams: Streams = processStreams,
  options: ExecOptions = { budget: DEFAULT_BUDGET },
): void {
  streams.out(`${execInput(memory, streams, options).toString(16)}\n`);
}

function execInput(memory: readonly string[], streams: Streams, options: ExecOptions): bigint {
  return exec(
    fromHex(new TextDecoder().decode(streams.read('-'))),
    fromHex(memory.join(' ')),
    Number(options.budget),
  );
}

/** Runs bytecode and gives r0. */
function exec(bytecode: Uint8Array, content: Uint8Array, budget: number): bigint {
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
  const engine = new InterpreterEngine(memory, suiteHelpers(), { budget });
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
