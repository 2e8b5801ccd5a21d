/** BPF_MAP_TYPE_PROG_ARRAY and BPF_MAP_TYPE_PERF_EVENT_ARRAY: slots that hold references to kernel objects. */
import { describe, expect, it } from 'vitest';
import {
  type BpfMap,
  createMap,
  type Held,
  type PerfEventRef,
  ProgArrayMap,
  type ProgRef,
} from '../../src/maps/index.ts';
import { BpfProgType } from '../../src/spec/index.ts';
import { attrOf, outcome, ProgramSide, TestMachine, UserSide, u32 } from './harness.ts';

const { BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_EXT, BPF_PROG_TYPE_TRACING } = BpfProgType;

/** Counts how often it is held. */
class Counted implements Held {
  holders = 0;

  hold(): void {
    this.holders++;
  }

  release(): void {
    this.holders--;
  }
}

class FakeProgram extends Counted implements ProgRef {
  readonly id: number;
  readonly type: number;
  readonly expectedAttachType: number = 0;
  readonly xdpHasFrags: boolean = false;
  readonly attachFuncProto?: object;
  readonly prepared = { name: 'fake', insns: [], subprogs: [0], subprogNames: ['fake'] };

  constructor(id: number, type: number, more: Partial<ProgRef> = {}) {
    super();
    this.id = id;
    this.type = type;
    Object.assign(this, more);
  }
}

class FakeEvent extends Counted implements PerfEventRef {
  readonly cpu = 0;
  readonly isBpfOutput = true;

  output(): number {
    return 0;
  }
}

/** A prog array of 4 slots, and a file descriptor for each program: its id. */
function progArray(...programs: FakeProgram[]) {
  const machine = new TestMachine();
  const map = machine.map('PROG_ARRAY', { valueSize: 4 });
  if (!(map instanceof ProgArrayMap)) throw new Error('a prog array is of another class');
  for (const program of programs) machine.programs.set(program.id, program);
  return { machine, map, user: new UserSide(map), program: new ProgramSide(machine, map) };
}

describe('a prog array', () => {
  const xdp = (id: number, more = {}): FakeProgram => new FakeProgram(id, BPF_PROG_TYPE_XDP, more);

  it('keeps the program of a file descriptor, gives user space its id and tail calls the program', () => {
    const program = xdp(7);
    const { map, user } = progArray(program);
    expect(user.lookup(u32(2))).toBe('ENOENT');
    expect(user.update(u32(2), u32(7))).toBe('ok');
    expect(user.lookup(u32(2))).toEqual(u32(7));
    expect(map.programAt(2)).toBe(program);
    expect(map.programAt(1)).toBeUndefined();
    expect(map.programAt(9)).toBeUndefined();
    expect(program.holders).toBe(1);
  });

  it('lets go of a program that is replaced or deleted, or when it is freed', () => {
    const programs = [xdp(1), xdp(2), xdp(3)] as const;
    const { machine, map, user } = progArray(...programs);
    user.update(u32(0), u32(1));
    user.update(u32(0), u32(2));
    user.update(u32(1), u32(3));
    expect(programs.map((p) => p.holders)).toEqual([0, 1, 1]);
    expect(user.delete(u32(0))).toBe('ok');
    expect(user.delete(u32(0))).toBe('ENOENT');
    expect(programs.map((p) => p.holders)).toEqual([0, 0, 1]);
    const used = machine.memory.bytesInUse;
    map.free();
    expect(programs.map((p) => p.holders)).toEqual([0, 0, 0]);
    expect(machine.memory.bytesInUse).toBeLessThan(used);
  });

  it('holds a program in two slots twice', () => {
    const program = xdp(1);
    const { map, user } = progArray(program);
    user.update(u32(0), u32(1));
    user.update(u32(0), u32(1));
    user.update(u32(3), u32(1));
    expect(program.holders).toBe(2);
    map.clear();
    expect(program.holders).toBe(0);
  });

  it('has the errors of the kernel', () => {
    const { user } = progArray(xdp(1));
    expect(user.update(u32(4), u32(1))).toBe('E2BIG');
    expect(user.update(u32(0), u32(99))).toBe('EBADF');
    expect(user.update(u32(0), u32(1), 1)).toBe('EINVAL');
    expect(user.lookup(u32(4))).toBe('ENOENT');
    expect(user.lookup(u32(0), 4)).toBe('EINVAL');
    expect(user.delete(u32(4))).toBe('E2BIG');
    expect(user.lookupAndDelete(u32(0))).toBe('unsupported');
    expect(user.next(u32(3))).toBe('ENOENT');
    expect(user.update(new Uint8Array(3), u32(1))).toBe('EFAULT');
    expect(user.delete(new Uint8Array(3))).toBe('EFAULT');
  });

  it('is nothing that programs look up or change', () => {
    const { map, program } = progArray(xdp(1));
    expect(outcome(map.lookup(0))).toBe('EOPNOTSUPP');
    expect(program.update(u32(0), u32(1))).toBe('EOPNOTSUPP');
    expect(program.delete(u32(0))).toBe('ENOENT');
  });

  it('takes programs of the type of the first only', () => {
    const { user } = progArray(xdp(1), xdp(2), new FakeProgram(3, BPF_PROG_TYPE_KPROBE));
    expect(user.update(u32(0), u32(1))).toBe('ok');
    expect(user.update(u32(1), u32(3))).toBe('EINVAL');
    user.delete(u32(0));
    expect(user.update(u32(0), u32(3))).toBe('EINVAL');
    expect(user.update(u32(0), u32(2))).toBe('ok');
  });

  it.each([
    ['attach type', { expectedAttachType: 35 }],
    ['use of fragments', { xdpHasFrags: true }],
  ])('takes programs with the %s of the first only', (_, other) => {
    const { user } = progArray(xdp(1), xdp(2, other));
    user.update(u32(0), u32(1));
    expect(user.update(u32(1), u32(2))).toBe('EINVAL');
  });

  it('belongs to the kind of the program that is loaded with it', () => {
    const { map, user } = progArray(xdp(1));
    expect(map.accepts(new FakeProgram(9, BPF_PROG_TYPE_KPROBE))).toBe(true);
    expect(map.accepts(xdp(8))).toBe(false);
    expect(user.update(u32(0), u32(1))).toBe('EINVAL');
  });

  it('takes no program that extends another', () => {
    const { user } = progArray(new FakeProgram(1, BPF_PROG_TYPE_EXT));
    expect(user.update(u32(0), u32(1))).toBe('EINVAL');
  });

  it('looks at the function that tracing programs are attached to', () => {
    const one = { attachFuncProto: { name: 'one' } };
    const two = { attachFuncProto: { name: 'two' } };
    const tracing = (id: number, more: object): FakeProgram =>
      new FakeProgram(id, BPF_PROG_TYPE_TRACING, more);
    const { user } = progArray(tracing(1, one), tracing(2, two), tracing(3, one));
    user.update(u32(0), u32(1));
    expect(user.update(u32(1), u32(2))).toBe('EINVAL');
    expect(user.update(u32(1), u32(3))).toBe('ok');
    const kprobes = progArray(
      new FakeProgram(1, BPF_PROG_TYPE_KPROBE, one),
      new FakeProgram(2, BPF_PROG_TYPE_KPROBE, two),
    );
    kprobes.user.update(u32(0), u32(1));
    expect(kprobes.user.update(u32(1), u32(2))).toBe('ok');
  });
});

describe('a perf event array', () => {
  function perfArray(): { map: BpfMap; user: UserSide; event: FakeEvent } {
    const machine = new TestMachine(2);
    const map = machine.map('PERF_EVENT_ARRAY', { valueSize: 4, maxEntries: 2 });
    const event = new FakeEvent();
    machine.events.set(5, event);
    return { map, user: new UserSide(map), event };
  }

  it('keeps the event of a file descriptor for the helpers', () => {
    const { map, user, event } = perfArray();
    expect(user.update(u32(1), u32(5))).toBe('ok');
    expect(map.eventAt!(1)).toBe(event);
    expect(map.eventAt!(0)).toBeUndefined();
    expect(event.holders).toBe(1);
    map.free();
    expect(event.holders).toBe(0);
  });

  it('cannot be read', () => {
    const { user } = perfArray();
    expect(user.lookup(u32(0))).toBe('ENOTSUPP');
    user.update(u32(0), u32(5));
    expect(user.lookup(u32(0))).toBe('ENOTSUPP');
    expect(user.keys()).toEqual([u32(0), u32(1)]);
  });

  it('has the errors of the kernel', () => {
    const { user } = perfArray();
    expect(user.update(u32(0), u32(6))).toBe('EBADF');
    expect(user.update(u32(2), u32(5))).toBe('E2BIG');
    expect(user.update(u32(0), u32(5), 2)).toBe('EINVAL');
    expect(user.delete(u32(0))).toBe('ENOENT');
  });
});

describe('arrays of kernel objects', () => {
  it.each(['PROG_ARRAY', 'PERF_EVENT_ARRAY'] as const)(
    'know no descriptor where there are none: %s',
    (kind) => {
      const { memory } = new TestMachine();
      const env = { memory, cpuCount: 1, currentCpu: () => 0, random: () => 0 };
      const map = createMap(env, attrOf(kind, { valueSize: 4 }));
      expect(new UserSide(map).update(u32(0), u32(3))).toBe('EBADF');
    },
  );
});
