/**
 * The programs of programs/rejected: each is rejected with the message that its first comment expects, which is the last line of the
 * reference kernel's log to the byte (asked with the same objects), and its explanation names the marked line of the source. What
 * the explanations say is held by the texts in golden/; `npx vitest run -u` writes them anew.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  BpfObject,
  type Explanation,
  explain,
  formatExplanation,
  VerifierInputs,
  verify,
} from '../../../src/index.ts';
import { ROOT } from '../../fixtures.ts';

const SOURCES = join(ROOT, 'programs/rejected');
const OBJECTS = join(ROOT, 'fixtures/programs/rejected');
const NAMES = readdirSync(SOURCES)
  .filter((file) => file.endsWith('.c'))
  .map((file) => file.slice(0, -2));

function inputOf(name: string) {
  const file = `${name}.bpf.o`;
  const object = BpfObject.open(readFileSync(join(OBJECTS, file)), { name: file });
  return new VerifierInputs(object).of(object.spec.programs[0]!);
}

/** Milliseconds for a walk of a million steps on a machine that has much else to do. */
const SLOW = 180_000;

/** What a source says about its program. */
function commentsOf(name: string): { expected: string; remedy: string; marked: number[] } {
  const text = readFileSync(join(SOURCES, `${name}.c`), 'utf8');
  const marked = text
    .split('\n')
    .map((line, i) => (line.includes('// <- here') ? i + 1 : 0))
    .filter((line) => line > 0);
  return {
    expected: /^\/\/ Expected: (.+)$/m.exec(text)?.[1] ?? '',
    remedy: /^\/\/ What to do: (.+)$/m.exec(text)?.[1] ?? '',
    marked,
  };
}

const explanations = new Map<string, Explanation>();

/** Explanations are made once: some programs take a million steps. */
function explained(name: string): Explanation {
  const explanation = explanations.get(name) ?? explain(inputOf(name));
  if (explanation === undefined) throw new Error(`${name} is accepted`);
  explanations.set(name, explanation);
  return explanation;
}

describe('programs/rejected', () => {
  it('holds the commonest rejections, each with its object', () => {
    expect(NAMES.length).toBeGreaterThanOrEqual(25);
    expect(readdirSync(OBJECTS).sort()).toEqual(NAMES.map((name) => `${name}.bpf.o`).sort());
  });

  it.each(NAMES)(
    '%s is rejected with the expected message',
    (name) => {
      const { expected, remedy } = commentsOf(name);
      expect(remedy).not.toBe('');
      expect(explained(name).failure.message).toBe(expected);
    },
    SLOW,
  );

  it.each(NAMES)('%s is explained', async (name) => {
    const { marked } = commentsOf(name);
    const explanation = explained(name);
    // Too much stack is no matter of one line.
    const lines = explanation.failure.code === 'stack-too-deep' ? [] : [explanation.place?.source?.line];
    expect(lines).toEqual(marked);
    await expect(formatExplanation(explanation)).toMatchFileSnapshot(join('golden', `${name}.txt`));
  });
});

describe('an explanation', () => {
  it('tells of each bound which instruction and which rule set it', () => {
    const { bounds } = explained('index_off_by_one');
    const shift = bounds.find(({ names }) => names.includes('umax'));
    expect(shift).toMatchObject({ rule: 'lsh', place: { text: expect.stringMatching(/<<= 3$/) as string } });
    expect(shift?.value).toContain('umax=128');
  });

  it('names the branch that limited a value ahead of its use', () => {
    const { origin } = explained('index_off_by_one');
    const limited = origin.find(({ what }) => what.startsWith('is known better') && what.includes('<= 16'));
    expect(limited).toMatchObject({ meaning: 'a number from 0 to 16' });
    expect(limited?.place.text).toMatch(/^if w\d > 0x10 /);
  });

  it('says that nothing limits a value where nothing does', () => {
    const { bounds } = explained('scalar_dereference');
    expect(bounds).toHaveLength(1);
    expect(bounds[0]).toMatchObject({ place: { source: { text: 'const int *address = (void *)ctx->di;' } } });
    expect(bounds[0]?.reason).toContain('nothing limits it');
    expect(bounds[0]).not.toHaveProperty('rule');
  });

  it('tells how far the path proved a packet to reach, and where', () => {
    const { bounds } = explained('packet_check_too_small');
    expect(bounds.find(({ names }) => names.includes('range'))).toMatchObject({
      value: 'range=14',
      reason: expect.stringContaining('<= r2` holds') as string,
      place: { source: { text: 'if ((void *)(eth + 1) > data_end)' } },
    });
  });

  it('finds the call that acquired what leaks, and the branch that leaves early', () => {
    const { origin, branches, advice } = explained('ringbuf_leak');
    expect(origin.map(({ what }) => what)).toEqual(['is what bpf_ringbuf_reserve returned']);
    expect(branches.at(-1)).toMatchObject({ taken: true, place: { source: { text: 'if (*event == 0)' } } });
    expect(advice.join(' ')).toContain('bpf_ringbuf_discard');
  });

  it('finds the call that made a pointer useless', () => {
    const { meaning, origin } = explained('stale_packet_pointer');
    expect(meaning).toContain('It was a pointer until the call of bpf_xdp_adjust_head');
    expect(origin.at(-1)?.what).toContain('since bpf_xdp_adjust_head');
  });

  it('follows copies', () => {
    const { origin } = explained('submitted_twice');
    expect(origin.map(({ name }) => name)).toEqual(['R0', 'R6', 'R6', 'R6', 'R1']);
  });

  it('names the open calls', () => {
    const { calls } = explained('call_depth');
    expect(calls.map(({ text }) => text)).toEqual([1, 2, 3, 4, 5, 6, 7].map((n) => `call step${n}`));
  });

  it('says where the walk spent its time, and how often the path went round', () => {
    const { busiest, branches } = explained('too_complex');
    expect(busiest[0]!.visits).toBeGreaterThan(100_000);
    expect(branches).toHaveLength(1);
    expect(branches[0]).toMatchObject({ decided: true, times: busiest[0]!.visits - 1 });
  });

  it('says how much stack each function uses', () => {
    const { stacks } = explained('stack_too_deep');
    expect(stacks.map(({ name, bytes }) => [name, bytes >= 300])).toEqual([
      ['stack_too_deep', true],
      ['inner', true],
    ]);
  });

  it('gives the failure that verify gives', () => {
    expect(explained('index_off_by_one').failure).toEqual(verify(inputOf('index_off_by_one')).failure);
  });

  it('is not there for a program that is accepted', () => {
    const object = BpfObject.open(readFileSync(join(ROOT, 'fixtures/programs/xdp/count_protocols.bpf.o')));
    expect(explain(new VerifierInputs(object).of(object.spec.programs[0]!))).toBeUndefined();
  });

  it('is plain data', () => {
    const explanation = explained('index_off_by_one');
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  });
});
