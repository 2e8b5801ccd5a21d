/** Loading asks the verifier: what it rejects is not loaded, or runs checked where the kernel is told to load it all the same. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assemble, BpfObject, Kernel, type LoadError, type VerifierError, VmFault } from '../../src/index.ts';
import { fixture, ROOT } from '../fixtures.ts';
import { ObjectBuilder } from '../loader/object-builder.ts';

/** Reads the packet without asking where it ends. */
const BLIND_READ = 'r1 = *(u32 *)(r1 + 0)\nr0 = *(u8 *)(r1 + 200)\nexit';
const DROP = 'r0 = 1\nexit';

/** An object with one program a section. */
function objectOf(programs: Readonly<Record<string, string>>, license = 'GPL'): BpfObject {
  const builder = new ObjectBuilder();
  for (const [section, text] of Object.entries(programs)) {
    const insns = assemble(text);
    builder.code(section, [{ name: section.replace(/\W/g, '_'), insns }]);
  }
  return BpfObject.open(builder.text('license', license).build());
}

/** What a load ends in. */
function rejection(object: BpfObject, kernel = new Kernel()): VerifierError {
  try {
    kernel.load(object);
  } catch (error) {
    return error as VerifierError;
  }
  throw new Error('the object was loaded');
}

describe('an accepted program', () => {
  it('is verified, and says what that took', () => {
    const object = new Kernel().load(objectOf({ xdp: DROP }));
    const { loaded, verification } = object.programs.xdp!;
    expect(loaded.verified).toBe(true);
    expect(verification).toMatchObject({ accepted: true, stats: { insns: 2, totalStates: 0 } });
  });

  it.each(['xdp', 'tc', 'socket_filter', 'tracing'])('is each of our own in %s', (folder) => {
    const files = readdirSync(join(ROOT, 'fixtures/programs', folder));
    const names = files.filter((file) => file.endsWith('.bpf.o') && !file.endsWith('.be.bpf.o'));
    expect(names.length).toBeGreaterThan(0);
    for (const file of names) {
      const object = BpfObject.open(fixture(`${folder}/${file.replace('.bpf.o', '')}`), { name: file });
      for (const program of object.programList) program.autoload = true;
      new Kernel().load(object);
      expect(object.programList.map(({ loaded }) => loaded.verified)).not.toContain(false);
    }
  });
});

describe('a program of a type that the reference kernel is built without', () => {
  it('is refused ahead of the verifier', () => {
    const error: Error & { readonly code?: string } = rejection(objectOf({ lirc_mode2: DROP }));
    expect(error.name).toBe('LoadError');
    expect(error.code).toBe('bad-load-attributes');
  });
});

describe('a rejected program', () => {
  it('is refused with the rule, the error number, the place and the log', () => {
    const error = rejection(objectOf({ xdp: BLIND_READ }));
    expect(error.name).toBe('VerifierError');
    expect(error.code).toBe('packet-out-of-bounds');
    expect(error.errno).toBe(13);
    expect(error.place).toMatchObject({ program: 'xdp', insn: 1 });
    expect(error.kernelMessage).toBe('R1 offset is outside of the packet');
    expect(error.log).toContain('invalid access to packet, off=200 size=1');
    expect(error.log).toMatch(/processed 2 insns/);
  });

  it('is placed in its source where there are line records', () => {
    const bytes = fixture('xdp/tail_parser');
    const object = BpfObject.open(bytes);
    // Its bounds checks lead nowhere: too short packets go on, too.
    const spec = {
      ...object.spec,
      programs: object.spec.programs.map((program) => ({
        ...program,
        insns: program.insns.map((insn) => (insn.opcode === 0x2d ? { ...insn, offset: 0 } : insn)),
      })),
    };
    const error = rejection(new BpfObject(spec));
    expect(error.place.source).toMatch(/tail_parser\.c:\d+$/);
    expect(error.sourceText).not.toBe('');
  });

  it('leaves nothing of its object, and the object can be loaded once it is right', () => {
    const object = objectOf({ tc: DROP, xdp: BLIND_READ });
    const kernel = new Kernel();
    rejection(object, kernel);
    expect(object.programs.tc!.isLoaded).toBe(false);
    expect(kernel.attachedHooks()).toEqual([]);
    object.programs.xdp!.autoload = false;
    kernel.load(object);
    expect(object.programs.tc!.loaded.verified).toBe(true);
  });

  it('for want of a licence says so', () => {
    const error = rejection(objectOf({ 'raw_tp/sys_enter': 'call 35\nr0 = 0\nexit' }, 'Proprietary'));
    expect(error.code).toBe('gpl-only');
  });
});

describe('a program that this verifier does not know enough for', () => {
  it('is refused, with what to do', () => {
    // bpf_dynptr_from_mem
    const error = rejection(
      objectOf({ tc: 'r1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -24\ncall 197\nr0 = 0\nexit' }),
    );
    expect(error.code).toBe('unsupported');
    expect(error.message).toMatch(/dynptr.*unsafe/);
  });
});

describe('an unsafe kernel', () => {
  const kernel = () => new Kernel({ unsafe: true });

  it('loads what is rejected, and remembers why', () => {
    const object = kernel().load(objectOf({ xdp: BLIND_READ }));
    const { loaded, verification } = object.programs.xdp!;
    expect(loaded.verified).toBe(false);
    expect(verification.accepted).toBe(false);
    expect(verification.error?.code).toBe('packet-out-of-bounds');
  });

  it.each(['interp', 'jit', 'auto'] as const)(
    'stops the %s engine where the program goes wrong',
    (engine) => {
      const object = new Kernel({ unsafe: true, engine }).load(objectOf({ xdp: BLIND_READ }));
      const run = (size: number) => object.programs.xdp!.testRun({ data: new Uint8Array(size) });
      expect(run(256).retval).toBe(0);
      expect(() => run(64)).toThrow(VmFault);
      expect(() => run(64)).toThrow(
        expect.objectContaining({ place: { program: 'xdp', insn: 1 } }) as VmFault,
      );
    },
  );

  it('still verifies what is right', () => {
    const object = kernel().load(objectOf({ xdp: DROP }));
    expect(object.programs.xdp!.loaded.verified).toBe(true);
  });

  it.each([
    ['fentry/no_such_function', 'attach-target-missing'],
    ['fentry', 'no-attach-target'],
    ['freplace/target', 'no-attach-program'],
    ['something', 'no-program-type'],
  ])('loads programs of section %s, which the loader refuses', (section, code) => {
    const programs = { [section]: 'r0 = 0\nexit' };
    expect(() => new Kernel().load(objectOf(programs))).toThrow(
      expect.objectContaining({ name: 'LoadError', code }) as LoadError,
    );
    const object = kernel().load(objectOf(programs));
    expect(object.programList[0]!.verification.error?.code).toBe(code);
  });
});

describe('kernel types that come along', () => {
  it.each([
    ['tp_btf/sched_switch', 'r2 = *(u64 *)(r1 + 8)\nr0 = *(u32 *)(r2 + 64)\nr0 = 0\nexit'],
    ['fentry/bpf_fentry_test1', 'r2 = *(u64 *)(r1 + 0)\nr0 = 0\nexit'],
    ['fexit/do_unlinkat', 'r2 = *(u64 *)(r1 + 16)\nr0 = 0\nexit'],
    ['fmod_ret/bpf_modify_return_test', 'r0 = 0\nexit'],
    ['lsm/task_alloc', 'r0 = 0\nexit'],
    ['iter/task', 'r2 = *(u64 *)(r1 + 8)\nr0 = 0\nexit'],
  ])('let %s be verified', (section, text) => {
    const object = new Kernel().load(objectOf({ [section]: text }));
    expect(object.programList[0]!.loaded.verified).toBe(true);
  });

  it('do not let a program read where a struct has no member', () => {
    const error = rejection(
      objectOf({ 'tp_btf/sched_switch': 'r2 = *(u64 *)(r1 + 8)\nr0 = *(u64 *)(r2 + 4096)\nexit' }),
    );
    expect(error.kernelMessage).toBe('access beyond struct task_struct at off 4096 size 8');
  });
});
