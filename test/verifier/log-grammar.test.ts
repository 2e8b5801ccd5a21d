/**
 * The log as a viewer reads it: our own grammar of the kernel's verifier log, by which every line of the logs of all our objects has a
 * kind and says what the program says. Independent of the code that prints: nothing of src/verifier/log or of the disassembler is used.
 * That the log is the kernel's to the byte is tested in cases.test.ts; this says that it can be read back.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BpfObject, type RawInsn, VerifierInputs } from '../../src/index.ts';
import {
  LOG_LEVEL1,
  LOG_LEVEL2,
  LOG_STATS,
  type VerifierInput,
  type VerifierResult,
  verify,
} from '../../src/verifier/index.ts';
import { ROOT } from '../fixtures.ts';

const FOLDER = join(ROOT, 'fixtures/programs');

interface Subject {
  readonly name: string;
  readonly input: VerifierInput;
}

/**
 * All little-endian objects, but for those whose logs have hundreds of thousands of lines, or are the same for hundreds of programs, and
 * iterators of sockets, which need a kernel's types.
 */
const subjects: readonly Subject[] = (readdirSync(FOLDER, { recursive: true }) as string[])
  .filter(
    (file) =>
      file.endsWith('.bpf.o') &&
      !file.endsWith('.be.bpf.o') &&
      !/too_(?:complex|many)|helper_costs|sequences|iter\/sockets/.test(file),
  )
  .sort()
  .flatMap((file) => {
    const object = BpfObject.open(new Uint8Array(readFileSync(join(FOLDER, file))), { name: file });
    const inputs = new VerifierInputs(object);
    return object.spec.programs.map((program) => ({
      name: `${file} ${program.name}`,
      input: inputs.of(program),
    }));
  });

/** What a line of text says of an instruction; what it does not say is left out. */
type Fields = { -readonly [Name in 'dst' | 'src' | 'offset' | 'imm']?: number };

const REG = '[rw](\\d+)';
const PLACE = '\\*\\([us]\\d+ \\*\\)\\(r(\\d+) ([+-]\\d+)\\)';
const VALUE = '(-?\\d+|0x[0-9a-f]+)';

/** Bodies of instructions, first match wins: what is captured, in order. */
const BODIES: readonly (readonly [RegExp, readonly (keyof Fields)[]])[] = [
  [/^exit$/, []],
  [/^goto pc([+-]\d+)$/, ['offset']],
  [/^gotol pc([+-]\d+)$/, ['imm']],
  [/^may_goto pc([+-]\d+)$/, ['offset']],
  [/^call pc([+-]\d+)$/, ['imm']],
  [/^call \w+#(\d+)$/, ['imm']],
  [new RegExp(`^if ${REG} \\S+ ${VALUE} goto pc([+-]\\d+)$`), ['dst', 'imm', 'offset']],
  [new RegExp(`^if ${REG} \\S+ ${REG} goto pc([+-]\\d+)$`), ['dst', 'src', 'offset']],
  [/^r0 = \*\(u\d+ \*\)skb\[(\d+)\]$/, ['imm']],
  [/^r0 = \*\(u\d+ \*\)skb\[r(\d+) \+ (-?\d+)\]$/, ['src', 'imm']],
  [new RegExp(`^${REG} = ${PLACE}$`), ['dst', 'src', 'offset']],
  [new RegExp(`^${PLACE} = ${REG}$`), ['dst', 'offset', 'src']],
  [new RegExp(`^${PLACE} = ${VALUE}$`), ['dst', 'offset', 'imm']],
  [new RegExp(`^lock ${PLACE} \\S+ ${REG}$`), ['dst', 'offset', 'src']],
  [
    new RegExp(`^${REG} = atomic(?:64)?_\\w+\\(\\(u\\d+ \\*\\)\\(r(\\d+) ([+-]\\d+)\\), ${REG}\\)$`),
    ['src', 'dst', 'offset'],
  ],
  [/^r0 = atomic(?:64)?_cmpxchg\(\(u\d+ \*\)\(r(\d+) ([+-]\d+)\), r0, r(\d+)\)$/, ['dst', 'offset', 'src']],
  [new RegExp(`^${REG} = (?:be|le|bswap)(\\d+) ${REG}$`), ['dst', 'imm']],
  [new RegExp(`^${REG} = -${REG}$`), ['dst']],
  [new RegExp(`^${REG} s?\\S{0,2}= (?:\\(s\\d+\\))?${REG}$`), ['dst', 'src']],
  [new RegExp(`^${REG} s?\\S{0,2}= ${VALUE}$`), ['dst', 'imm']],
];

function fieldsOf(body: string): Fields {
  for (const [pattern, names] of BODIES) {
    const match = pattern.exec(body);
    if (match === null) continue;
    return Object.fromEntries(names.map((name, i) => [name, Number(match[i + 1])]));
  }
  throw new Error(`no instruction reads like this: ${body}`);
}

/** The instruction at `pc` is the one that the text tells of. */
function checkInsn(insns: readonly RawInsn[], pc: number, opcode: number, body: string): void {
  const insn = insns[pc];
  if (insn?.opcode !== opcode) throw new Error(`instruction ${pc} is not of opcode ${opcode}`);
  const fields = fieldsOf(body);
  // 64-bit constants stand in two slots, and pointers in place of numbers.
  if (opcode === 0x18) delete fields.imm;
  if (fields.imm !== undefined) fields.imm |= 0;
  for (const [name, value] of Object.entries(fields))
    if (insn[name as keyof Fields] !== value)
      throw new Error(`${name} of instruction ${pc} is not ${value}: ${body}`);
}

const BOUNDS = /^(?:[su](?:min|max)(?:32)?=)+(?:-?\d+|0x[0-9a-f]+)$/;
const ATTRIBUTE =
  /^(?:id=\d+(?:[+-]\d+)?|ref_obj_id=\d+|non_own_ref|map=[\w.]+|[kv]s=\d+|off=-?\d+|r=(?:\d+|0x[0-9a-f]+)|sz=(?:\d+|0x[0-9a-f]+)|imm=(?:-?\d+|0x[0-9a-f]+)|var_off=(?:\(0x[0-9a-f]+; 0x[0-9a-f]+\)))$/;

/** `smin=umin=1` and so on, one number by each name; of 32 bits as a pattern of 32. */
function boundsOf(attributes: readonly string[]): Map<string, bigint> {
  const bounds = new Map<string, bigint>();
  for (const attribute of attributes) {
    if (!BOUNDS.test(attribute)) {
      if (!ATTRIBUTE.test(attribute)) throw new Error(`no attribute reads like this: ${attribute}`);
      continue;
    }
    const names = attribute.split('=');
    const number = BigInt(names.pop()!);
    for (const name of names) {
      const bits = name.endsWith('32') ? 32 : 64;
      bounds.set(name, name.startsWith('s') ? BigInt.asIntN(bits, number) : BigInt.asUintN(bits, number));
    }
  }
  return bounds;
}

/** Bounds that are not printed are the widest. */
const WIDEST: readonly (readonly [string, bigint, string, bigint])[] = [
  ['smin', -(1n << 63n), 'smax', (1n << 63n) - 1n],
  ['umin', 0n, 'umax', (1n << 64n) - 1n],
  ['smin32', -(1n << 31n), 'smax32', (1n << 31n) - 1n],
  ['umin32', 0n, 'umax32', (1n << 32n) - 1n],
];

function checkAttributes(text: string): void {
  const attributes = text === '' ? [] : text.split(',');
  const bounds = boundsOf(attributes);
  let sound = WIDEST.every(
    ([low, least, high, most]) => (bounds.get(low) ?? least) <= (bounds.get(high) ?? most),
  );
  const tnum = /var_off=\((0x[0-9a-f]+); (0x[0-9a-f]+)\)/.exec(text);
  if (tnum !== null) {
    // A bit is either known or not; the smallest and the greatest number of these bits enclose the range.
    const [value, mask] = [BigInt(tnum[1]!), BigInt(tnum[2]!)];
    sound &&= (value & mask) === 0n && (bounds.get('umin') ?? 0n) <= (value | mask);
    sound &&= (bounds.get('umax') ?? (1n << 64n) - 1n) >= value;
  }
  if (!sound) throw new Error(`no number is in this range: ${text}`);
}

const VALUE_IN_STATE =
  /^(?:[?rm0]*)(?:P?-?\d+|P?0x[0-9a-f]+|fp(?:\[\d+\])?-?\d+|P?[a-z]\w*(?:\[\d+\])?\((.*)\)|[?rm0]+)$/;
const ENTRY = /^(?:R(?:\d|10)|fp-\d+)(?:_r?w?D?)?=(.+)$/;

/** ` frame1: R1_w=scalar(id=1) fp-8=mmmmmmmm refs=2 cb`, without the leading blank. */
function checkState(text: string): void {
  // A blank stands within the parentheses of var_off too.
  const entries = text.replace(/^frame\d+:(?: |$)/, '').split(/ (?![^()]*\))/);
  for (const entry of entries) {
    if (entry === '' || entry === 'cb' || /^refs=\d+(,\d+)*$/.test(entry)) continue;
    const value = ENTRY.exec(entry)?.[1];
    const match = VALUE_IN_STATE.exec(value ?? '');
    if (match === null) throw new Error(`no register state reads like this: ${entry}`);
    if (match[1] !== undefined) checkAttributes(match[1]);
  }
}

/** Lines that only tell how far the verifier is. */
const NOTICES = [
  /^$/,
  /^func#\d+ @\d+$/,
  /^(?:caller|callee|returning from callee|to caller at \d+):$/,
  /^Validating \w+\(\) func#\d+\.\.\.$/,
  /^Func#\d+ \('\w+'\) is (?:global and assumed valid\.|safe for any args that match its prototype)$/,
  /^mark_precise: frame\d+: last_idx \d+ first_idx \d+ subseq_idx -?\d+ $/,
  /^frame \d+: propagating (?:(?:r\d+|fp-\d+),?)+$/,
  // Linux says this of the argument of a main program whose context it has no struct for, and goes on.
  /^arg#\d+ reference type\('UNKNOWN '\) size cannot be determined: -22$/,
  /^func '\w+' arg\d+ has btf_id \d+ type [A-Z_]+ '\w*'$/,
  /^frame\d+ bpf_loop iteration limit reached$/,
  /^verification time 0 usec$/,
];

const INSN = '\\(([0-9a-f]{2})\\) (.*?)';
const LINES = {
  insn: new RegExp(`^(\\d+): ${INSN}(?:(?: *; ?| \\d+: )(.*))?$`),
  backtrack: new RegExp(`^mark_precise: frame\\d+: regs=[r\\d,]* stack=[-\\d,]* before (\\d+): ${INSN}$`),
  source: /^; .* @ [\w.-]+:\d+$/,
  jump: /^from (\d+) to (\d+): (.*)$/,
  state:
    /^(?:\d+:|mark_precise: frame\d+: parent state regs=[r\d,]* stack=[-\d,]*: |cur state:|old state:)? ?(safe|(?:frame\d+:|(?:R\d+|fp-\d+)(?:_\w+)?=).*|)$/,
  depth: /^stack depth (\d+(?:\+\d+)*)$/,
  stats:
    /^processed (\d+) insns \(limit 1000000\) max_states_per_insn (\d+) total_states (\d+) peak_states (\d+) mark_read (\d+)$/,
};

/** Where the walk can go on after the instruction at `from`, other than by a return. */
function leadsTo(insns: readonly RawInsn[], from: number, to: number): boolean {
  const insn = insns[from];
  if (insn === undefined || insns[to] === undefined) return false;
  if (insn.opcode === 0x85) return true; // into a callback, or from one back to its call
  if (insn.opcode === 0x95) return true; // back to any caller
  if ((insn.opcode & 7) !== 5 && (insn.opcode & 7) !== 6) return to === from + 1;
  const distance = insn.opcode === 0x06 ? insn.imm : insn.offset;
  return to === from + 1 || to === from + 1 + distance;
}

/** The kind of a line; throws for one that is none, or says what is not so. */
function readLine(line: string, insns: readonly RawInsn[], result: VerifierResult): string {
  const insn = LINES.insn.exec(line);
  if (insn !== null) {
    checkInsn(insns, Number(insn[1]), Number.parseInt(insn[2]!, 16), insn[3]!);
    // An infinite loop is told of before the line has got its state: then the source comes in its place.
    if (insn[4] !== undefined && !LINES.source.test(`; ${insn[4]}`)) checkState(insn[4]);
    return 'insn';
  }
  const backtrack = LINES.backtrack.exec(line);
  if (backtrack !== null) {
    checkInsn(insns, Number(backtrack[1]), Number.parseInt(backtrack[2]!, 16), backtrack[3]!);
    return 'backtrack';
  }
  if (LINES.source.test(line)) return 'source';
  const jump = LINES.jump.exec(line);
  if (jump !== null) {
    if (!leadsTo(insns, Number(jump[1]), Number(jump[2])))
      throw new Error(`the program has no such jump: ${line}`);
    if (jump[3] !== 'safe') checkState(jump[3]!);
    return 'jump';
  }
  const depth = LINES.depth.exec(line);
  if (depth !== null) {
    expect(depth[1]!.split('+').map(Number)).toEqual(result.stats.stackDepths);
    return 'depth';
  }
  const stats = LINES.stats.exec(line);
  if (stats !== null) {
    const { insns: processed, maxStatesPerInsn, totalStates, peakStates, markRead } = result.stats;
    expect(stats.slice(1).map(Number)).toEqual([
      processed,
      maxStatesPerInsn,
      totalStates,
      peakStates,
      markRead,
    ]);
    return 'stats';
  }
  if (NOTICES.some((notice) => notice.test(line))) return 'notice';
  const state = LINES.state.exec(line);
  if (state !== null) {
    if (state[1] !== 'safe') checkState(state[1]!);
    return 'state';
  }
  if (result.verdict === 'reject') return 'message';
  throw new Error(`an accepted program's log has a line of no known kind: ${line}`);
}

describe('a viewer can read every line of the log', () => {
  it.each(subjects)('$name', ({ input }) => {
    for (const level of [LOG_LEVEL1, LOG_LEVEL2]) {
      const result = verify(input, { logLevel: level | LOG_STATS });
      const kinds = new Map<string, number>();
      // Loops say the same again and again: what was read once is not read again.
      const read = new Set<string>();
      let messages = 0;
      for (const line of result.log.trimEnd().split('\n')) {
        if (read.has(line)) continue;
        read.add(line);
        const kind = readLine(line, input.insns, result);
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        if (kind === 'message') messages++;
      }
      expect(kinds.get('stats')).toBe(1);
      expect(kinds.get('depth')).toBe(1);
      // What is wrong is said in a line or two, and only of what is rejected.
      expect(messages).toBeLessThanOrEqual(2);
      const lines = result.log.split('\n');
      const last = lines[lines.findIndex((line) => line.startsWith('verification time ')) - 1];
      // What this verifier does not know Linux has no words for, so the log does not end with it.
      if (result.verdict === 'reject' && result.failure?.code !== 'unsupported')
        expect(last).toBe(result.failure?.message);
    }
  });
});
