/** LSM hooks: which programs run, and whose answer counts. */
import { beforeEach, describe, expect, it } from 'vitest';
import { type BpfObject, Kernel } from '../../src/index.ts';
import { openFixture } from '../fixtures.ts';

const EPERM = -1;
const EACCES = -13;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

let kernel: Kernel;
let object: BpfObject;

beforeEach(() => {
  kernel = new Kernel({ task: { pid: 5 } });
  object = kernel.load(openFixture('lsm/guard'));
});

const attach = (...names: string[]): void => {
  for (const name of names) object.programs[name]!.attach();
};
const kill = (): ReturnType<Kernel['lsm']> => kernel.lsm('task_kill', [kernel.currentTask.address, 0, 9, 0]);

describe('an LSM hook', () => {
  it('answers 0 when nobody is asked', () => {
    expect(kill()).toEqual({ retval: 0, runs: [] });
  });

  it('answers what a program says', () => {
    attach('guard_task');
    expect(kill().retval).toBe(0);
    object.bss.guarded_pid = 5;
    expect(kill().retval).toBe(EPERM);
    expect(object.bss.asked).toBe(2);
  });

  it('asks the program that came last first, and nobody behind one that says no', () => {
    object.bss.guarded_pid = 5;
    attach('guard_all', 'guard_task');
    expect(kill()).toMatchObject({ retval: EPERM, runs: [{ program: 'guard_task' }] });
    expect(object.data.answer_before).toBe(1);
    object.bss.guarded_pid = 6;
    const { retval, runs } = kill();
    expect([retval, runs.map(({ program }) => program)]).toEqual([EACCES, ['guard_task', 'guard_all']]);
    expect(object.data.answer_before, 'those before had nothing against it').toBe(0);
  });

  it('without a result has all programs run', () => {
    attach('count_exec', 'count_exec');
    expect(kernel.lsm('bprm_committed_creds', [0])).toMatchObject({ retval: 0 });
    expect(object.bss.committed).toBe(2);
  });

  it('runs programs that may sleep', () => {
    attach('count_open');
    kernel.lsm('file_open', [0]);
    expect(object.bss.opened).toBe(1);
  });

  it('that the kernel does not have is an error', () => {
    expect(() => kernel.lsm('file_opened')).toThrow(/no LSM hook 'file_opened'/);
  });
});

describe('LSM programs of a cgroup', () => {
  const create = (family: number): number => kernel.lsm('socket_create', [family, 1, 0, 0]).retval;

  it('answer for tasks in it, by the rules of cgroups', () => {
    const { only_ipv4, no_ipv6 } = object.programs;
    kernel.cgroups.make('/sys/fs/cgroup/web');
    no_ipv6!.attach({ cgroup: '/sys/fs/cgroup/web' });
    only_ipv4!.attach({ cgroup: '/sys/fs/cgroup/web' });
    expect(create(AF_UNIX), 'not in the cgroup').toBe(0);
    kernel.moveToCgroup(kernel.currentTask, '/sys/fs/cgroup/web');
    expect([AF_INET, AF_INET6, AF_UNIX].map(create)).toEqual([0, EACCES, EPERM]);
  });

  it('answer for sockets in it', () => {
    const web = kernel.cgroups.make('/sys/fs/cgroup/web');
    object.programs.only_ipv4!.attach({ cgroup: web });
    const socket = kernel.sockets.open({ cgroup: web });
    expect(kernel.lsm('socket_create', [AF_UNIX, 1, 0, 0], { socket }).retval).toBe(EPERM);
  });

  it('do not answer for other hooks', () => {
    object.programs.only_ipv4!.attach();
    expect(kernel.lsm('socket_bind', [0, 0, 0])).toEqual({ retval: 0, runs: [] });
  });
});
