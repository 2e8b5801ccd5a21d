/**
 * What programs of each type may do with their context, call and return, as the kernel answered about one small program for each question
 * (fixtures/kernel-6.12/program-types.jsonl): the verifier gives the same answers to the same programs.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Btf, BtfBuilder, parseBtf } from '../../src/btf/index.ts';
import { assemble, BpfProgType, type RawInsn } from '../../src/index.ts';
import { expandRuns, HELPERS } from '../../src/spec/index.ts';
import { LOG_LEVEL2, type VerifierResult, verify } from '../../src/verifier/index.ts';
import { ROOT } from '../fixtures.ts';

/** Accesses of one size at these offsets, in runs; `result`: the log's word for what a read gives. */
interface Accesses {
  readonly result?: string;
  readonly size: number;
  readonly offsets: string;
}

interface Facts {
  readonly name: string;
  readonly type: number;
  readonly attachType: number;
  /** Those of RETURNED that a program may end with. */
  readonly returns: readonly number[];
  /** Whether it may end with any number; if not, the error. */
  readonly unknown: true | string;
  /** Helper ids in runs. */
  readonly helpers: string;
  readonly reads: readonly Accesses[];
  readonly writes: readonly Accesses[];
}

const facts = readFileSync(join(ROOT, 'fixtures/kernel-6.12/program-types.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Facts);

/** The constants that the kernel was asked about. */
const RETURNED = [-2147483647, -4096, -4095, -1, 0, 1, 2, 3, 4, 5, 7, 8, 2147483647];
const SIZES = [1, 2, 4, 8];
const kernelBtf = typesOfNetfilter();

/** The two structs that a netfilter program's context points to. */
function typesOfNetfilter(): Btf {
  const builder = new BtfBuilder();
  for (const name of ['nf_hook_state', 'sk_buff'])
    builder.add({ kind: 'struct', name, size: 8, members: [] });
  return parseBtf(builder.bytes());
}

function judge({ type, attachType }: Facts, insns: readonly RawInsn[], logLevel = 0): VerifierResult {
  return verify(
    { insns, type, attachType, flags: sleepable(type), license: 'GPL', maps: new Map(), kernelBtf },
    { logLevel },
  );
}

/** BPF_F_SLEEPABLE, where the type runs in no other way. */
function sleepable(type: number): number {
  return type === BpfProgType.BPF_PROG_TYPE_SYSCALL ? 1 << 4 : 0;
}

const accepts = (one: Facts, source: string): boolean => judge(one, assemble(source)).verdict === 'accept';

/** Something that every type may return one of. */
const ending = ({ returns }: Facts): string => `r0 = ${returns.includes(0) ? 0 : returns[0]!}\nexit`;

/** The accesses by offset and size, with what they give. */
function table(accesses: readonly Accesses[]): Map<string, string> {
  return new Map(
    accesses.flatMap(({ result = 'ok', size, offsets }) =>
      expandRuns(offsets, size).map((offset) => [`${offset}:${size}`, result] as const),
    ),
  );
}

/** Every aligned access up to the last one that is allowed. */
function questions(accesses: readonly Accesses[]): [offset: number, size: number][] {
  const end = Math.max(
    0,
    ...accesses.flatMap(({ size, offsets }) => expandRuns(offsets, size).map((offset) => offset + size)),
  );
  return SIZES.flatMap((size) =>
    Array.from({ length: Math.ceil(end / size) }, (_, i): [number, number] => [i * size, size]),
  );
}

/** A program for each size of access; assembled once, since thousands of them differ in an offset only. */
function bySize(source: (bits: number) => string): ReadonlyMap<number, RawInsn[]> {
  return new Map(SIZES.map((size) => [size, assemble(source(8 * size))]));
}

/** What the log shows in R2 after the first instruction. */
function loaded(log: string): string {
  return / R2(?:_w)?=(\S+)/.exec(log)?.[1] ?? '';
}

describe.each(facts)('a program of type $name', (one) => {
  it('reads of its context what the kernel lets it read', () => {
    const expected = table(one.reads);
    const given = new Map<string, string>();
    const programs = bySize((bits) => `r2 = *(u${bits} *)(r1 + 0)\n${ending(one)}`);
    for (const [offset, size] of questions(one.reads)) {
      const [read, ...rest] = programs.get(size)!;
      const { verdict, log } = judge(one, [{ ...read!, offset }, ...rest], LOG_LEVEL2);
      if (verdict === 'accept') given.set(`${offset}:${size}`, loaded(log).replace(/^scalar\(.*/, 'scalar'));
    }
    expect(Object.fromEntries(given)).toEqual(Object.fromEntries(expected));
  });

  it('writes of its context what the kernel lets it write', () => {
    const programs = bySize((bits) => `r2 = 0\n*(u${bits} *)(r1 + 0) = r2\n${ending(one)}`);
    const given = questions([...one.reads, ...one.writes]).filter(([offset, size]) => {
      const [zero, write, ...rest] = programs.get(size)!;
      return judge(one, [zero!, { ...write!, offset }, ...rest]).verdict === 'accept';
    });
    expect(new Set(given.map((access) => access.join(':')))).toEqual(new Set(table(one.writes).keys()));
  });

  it('calls the helpers that the kernel lets it call', () => {
    const [call, ...rest] = assemble(`call 1\n${ending(one)}`);
    const callable = HELPERS.map(({ id }) => id).filter((id) => {
      const { failure } = judge(one, [{ ...call!, imm: id }, ...rest]);
      return !/cannot use helper|invalid func/.test(failure?.message ?? '');
    });
    expect(callable).toEqual(expandRuns(one.helpers));
  });

  it('returns what the kernel lets it return', () => {
    expect(RETURNED.filter((value) => accepts(one, `r0 = ${value}\nexit`))).toEqual(one.returns);
    const { failure } = judge(one, assemble('call 7\nexit'));
    expect(failure?.message ?? true).toBe(one.unknown);
  });
});
