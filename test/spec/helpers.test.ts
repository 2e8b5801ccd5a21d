/** The helper table against the prototypes of the kernel's source, in fixtures/kernel-6.12/helpers.jsonl. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as words from '../../src/spec/helper-types.ts';
import {
  HELPERS,
  helperById,
  helperByName,
  helperName,
  helperProto,
  helperSince,
} from '../../src/spec/helpers.ts';

/** One bpf_func_proto of the kernel: `callers` (type, attach type, sleepable) where a helper has several. */
interface KernelProto {
  readonly id: number;
  readonly helper: string;
  readonly kernel: string;
  readonly ret: string;
  readonly args: readonly string[];
  readonly gplOnly?: true;
  readonly pktAccess?: true;
  readonly mightSleep?: true;
  readonly allowFastcall?: true;
  readonly retBtf?: string;
  readonly argBtf?: Readonly<Record<string, string>>;
  readonly argSize?: Readonly<Record<string, number>>;
  readonly allowed?: string;
  readonly callers?: readonly (readonly [type: number, attachType: number, sleepable: 0 | 1])[];
}

const fixture = readFileSync(join(import.meta.dirname, '../../fixtures/kernel-6.12/helpers.jsonl'), 'utf8');
const kernelProtos = fixture
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as KernelProto);

/** The number of `ARG_PTR_TO_MEM | MEM_RDONLY`. */
function wordOf(text: string): number {
  return text.split(' | ').reduce((value, name) => {
    const word = (words as unknown as Record<string, unknown>)[name];
    if (typeof word !== 'number') throw new Error(`the spec has no ${name}`);
    return value | word;
  }, 0);
}

function expectedProto(kernel: KernelProto): words.HelperProto {
  const { ret, args, gplOnly, pktAccess, mightSleep, allowFastcall, retBtf, argBtf, argSize, allowed } =
    kernel;
  return {
    ret: wordOf(ret),
    args: args.map(wordOf),
    gplOnly: gplOnly ?? false,
    pktAccess: pktAccess ?? false,
    mightSleep: mightSleep ?? false,
    allowFastcall: allowFastcall ?? false,
    ...(retBtf === undefined ? {} : { retBtf }),
    ...(argBtf === undefined ? {} : { argBtf }),
    ...(argSize === undefined ? {} : { argSize }),
    ...(allowed === undefined ? {} : { allowed: allowed as words.AllowedRule }),
  };
}

describe('the helper table', () => {
  it('has the 211 helpers of Linux 6.12, by id and without a gap', () => {
    expect(HELPERS.map(({ id, name }) => `${id} ${name}`)).toEqual([
      ...new Set(kernelProtos.map(({ id, helper }) => `${id} ${helper}`)),
    ]);
    expect(HELPERS.map(({ id }) => id)).toEqual(Array.from({ length: 211 }, (_, i) => i + 1));
  });

  const single = kernelProtos.filter(({ callers }) => callers === undefined);
  it.each(single.map((kernel) => [kernel.kernel, kernel] as const))('says what %s says', (_, kernel) => {
    expect(helperById(kernel.id)?.proto).toEqual(expectedProto(kernel));
    expect(helperById(kernel.id)?.variants).toEqual([]);
  });

  const several = kernelProtos.filter(({ callers }) => callers !== undefined);
  it.each(several.map((kernel) => [kernel.kernel, kernel] as const))(
    'gives %s to the programs that get it',
    (_, kernel) => {
      const spec = helperById(kernel.id)!;
      for (const [type, attachType, sleepable] of kernel.callers!)
        expect(helperProto(spec, { type, attachType, sleepable: sleepable === 1 })).toEqual(
          expectedProto(kernel),
        );
    },
  );

  it('uses the values of RET_INTEGER helpers only', () => {
    const odd = HELPERS.filter(({ value, proto }) => value !== 'int' && proto.ret !== words.RET_INTEGER);
    expect(odd).toEqual([]);
  });

  it('names a type or a size for every argument that needs one', () => {
    for (const { proto } of HELPERS) {
      proto.args.forEach((arg, i) => {
        const register = (i + 1) as words.ArgNumber;
        if (words.baseType(arg) === words.ARG_PTR_TO_BTF_ID) expect(proto.argBtf?.[register]).toBeDefined();
        if ((arg & words.MEM_FIXED_SIZE) !== 0) expect(proto.argSize?.[register]).toBeGreaterThan(0);
      });
      if (words.baseType(proto.ret) === words.RET_PTR_TO_BTF_ID) expect(proto.retBtf).toBeDefined();
    }
  });

  it('pairs memory of variable size with a size argument behind it', () => {
    for (const { name, proto } of HELPERS) {
      proto.args.forEach((arg, i) => {
        if (words.baseType(arg) !== words.ARG_PTR_TO_MEM || (arg & words.MEM_FIXED_SIZE) !== 0) return;
        const next = proto.args[i + 1];
        expect([words.ARG_CONST_SIZE, words.ARG_CONST_SIZE_OR_ZERO], name).toContain(next);
      });
    }
  });
});

describe('looking helpers up', () => {
  it('finds them by id and by name, with or without bpf_', () => {
    expect(helperName(1)).toBe('bpf_map_lookup_elem');
    expect(helperByName('bpf_loop')?.id).toBe(181);
    expect(helperByName('loop')?.id).toBe(181);
  });

  it('has nothing for ids and names that no helper has', () => {
    for (const id of [0, -1, 212, 0x7fffffff]) {
      expect(helperById(id)).toBeUndefined();
      expect(helperName(id)).toBeUndefined();
      expect(helperSince(id)).toBeUndefined();
    }
    expect(helperByName('unspec')).toBeUndefined();
  });

  it.each([
    ['map_lookup_elem', '3.19'],
    ['get_prandom_u32', '4.1'],
    ['tail_call', '4.2'],
    ['spin_lock', '5.1'],
    ['probe_read_kernel', '5.5'],
    ['ringbuf_query', '5.8'],
    ['loop', '5.17'],
    ['map_lookup_percpu_elem', '5.19'],
    ['cgrp_storage_delete', '6.2'],
  ])('knows since when there is bpf_%s: Linux %s', (name, version) => {
    expect(helperSince(helperByName(name)!.id)).toBe(version);
  });
});
