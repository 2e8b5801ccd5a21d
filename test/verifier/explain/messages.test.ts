/** Rejections whose text depends on what the log says, or on what a loader could not find: which text they get. */
import { describe, expect, it } from 'vitest';
import { BpfProgType } from '../../../src/spec/index.ts';
import { GENERAL_VALUES, textFor } from '../../../src/verifier/explain/texts/index.ts';
import { explain } from '../../../src/verifier/index.ts';

const values = Object.fromEntries(GENERAL_VALUES.map((name) => [name, `<${name}>`]));

describe('the text of a rejection', () => {
  it.each<[string, string[], RegExp, RegExp]>([
    ['reference-leak', ['tail_call would lead to reference leak'], /tail call/, /does not come back/],
    [
      'reference-leak',
      ['BPF_LD_[ABS|IND] cannot be mixed with socket references'],
      /legacy packet load/,
      /too short/,
    ],
    ['bad-argument', ["R3 does not point to a readonly map'"], /constant string/, /^Argument 3 of <helper>/],
    ['bad-argument', ['string is not zero-terminated'], /without its end/, /no zero byte/],
    [
      'bad-argument',
      ['bpf_probe_read_kernel() may write into memory pointed by R1 type=trusted_ptr_'],
      /would write/,
      /^R1 is <value>/,
    ],
    ['bad-struct-access', ['only read is supported'], /is written/, /not change it/],
    ['bad-struct-access', ['only read from bpf_array is supported'], /is written/, /not change it/],
    [
      'bad-struct-access',
      ['access beyond the end of member comm (mend:2992) in struct task_struct with off 2976 size 17'],
      /end of a field/,
      /^Field comm of struct task_struct ends at offset 2992, and this access of 17 bytes/,
    ],
    [
      'bad-struct-access',
      ['access beyond struct sock at off 900 size 4'],
      /end of the structure/,
      /no 4 bytes at offset 900/,
    ],
    ['special-field', ['kptr access size must be BPF_DW'], /Part of a kernel pointer/, /as a whole/],
    ['special-field', ['store to referenced kptr disallowed'], /overwritten/, /lost/],
    [
      'bad-return-value',
      ['At program exit …', "Note, BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!"],
      /no result/,
      /must return 1/,
    ],
    [
      'bad-function-argument',
      ['arg#1 expects pointer to ctx', "Caller passes invalid args into func#3 ('f3')"],
      /takes the context/,
      /^Argument 1/,
    ],
    [
      'bad-function-argument',
      ["Caller passes invalid args into func#3 ('f3')"],
      /A global function/,
      /This call of f3 brings something else \(<detail>\)/,
    ],
  ])('for %s of %j', (code, lines, title, meaning) => {
    const text = textFor(code, lines, values);
    expect(text.title).toMatch(title);
    expect(text.meaning).toMatch(meaning);
  });
});

describe('a program in which the loader put a call that fails in the place of', () => {
  /** An XDP program that begins with such a call. */
  function explained(helper: number, reason?: string) {
    return explain({
      insns: [
        { opcode: 0x85, dst: 0, src: 0, offset: 0, imm: helper },
        { opcode: 0x95, dst: 0, src: 0, offset: 0, imm: 0 },
      ],
      type: BpfProgType.BPF_PROG_TYPE_XDP,
      attachType: 0,
      flags: 0,
      license: 'GPL',
      maps: new Map(),
      ...(reason === undefined ? {} : { missing: new Map([[0, { reason }]]) }),
    });
  }

  it.each([
    [195896080, 'a field', /does not have/],
    [2001000000, 'a map', /not created/],
    [2002000001, 'a kernel function', /not there/],
  ])('%i: %s is told what is missing', (helper, reason, title) => {
    const explanation = explained(helper, `no match for ${reason}`);
    expect(explanation?.title).toMatch(title);
    expect(explanation?.meaning).toContain(`no match for ${reason}`);
  });

  it('is told as much as is known where the loader did not say', () => {
    expect(explained(195896080)?.meaning).toMatch(/its result was needed: the object names it\.$/);
  });

  it('is not confused with one that calls a helper that there is not', () => {
    expect(explained(9999, 'no match')?.title).toBe('A helper that does not exist is called');
  });
});
