/** Programs of cgroups run for events of sockets and tasks in them, and in the cgroups below, by the kernel's rules. */
import { beforeEach, describe, expect, it } from 'vitest';
import { decodeUtf8 } from '../../src/base/text.ts';
import { type BpfObject, type Cgroup, Kernel, type Socket } from '../../src/index.ts';
import { openFixture } from '../fixtures.ts';

const EPERM = -1;
const EACCES = -13;
const ENOPROTOOPT = -92;
const SOL_SOCKET = 1;
const SO_PRIORITY = 12;
const OWN_LEVEL = 0x1234;

let kernel: Kernel;
let object: BpfObject;
let web: Cgroup;
let below: Cgroup;
let socket: Socket;

beforeEach(() => {
  kernel = new Kernel();
  object = kernel.load(openFixture('cgroup/policy'));
  web = kernel.cgroups.make('/sys/fs/cgroup/web');
  below = kernel.cgroups.make('/sys/fs/cgroup/web/below');
  socket = kernel.sockets.open({ cgroup: below });
});

const attach = (name: string, cgroup: Cgroup = web): ReturnType<BpfObject['programList'][number]['attach']> =>
  object.programs[name]!.attach({ cgroup });
const ip = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const frame = (...packet: number[]): Uint8Array =>
  Uint8Array.of(...new Array<number>(12).fill(0), 8, 0, ...packet, ...new Array<number>(40).fill(0));

describe('addresses', () => {
  it('are changed, or refused with EPERM, for sockets in the cgroup and below', () => {
    attach('redirect_web');
    const to = { address: ip(10, 0, 0, 1), port: 80 };
    expect(kernel.cgroupEvents.address('connect', socket, to)).toMatchObject({
      retval: 0,
      endpoint: { address: ip(10, 0, 0, 1), port: 8080 },
      runs: [{ program: 'redirect_web', hook: 'cgroup/sys/fs/cgroup/web:10', retval: 1 }],
    });
    expect(kernel.cgroupEvents.address('connect', socket, { port: 23 }).retval).toBe(EPERM);
    const elsewhere = kernel.sockets.open({ cgroup: kernel.cgroups.root });
    expect(kernel.cgroupEvents.address('connect', elsewhere, to)).toMatchObject({ retval: 0, runs: [] });
    const v6 = kernel.sockets.open({ cgroup: web, family: 'inet6' });
    expect(kernel.cgroupEvents.address('connect', v6, { port: 23 }).runs, 'that is connect6').toEqual([]);
  });

  it('are refused with what a program says, which those behind it see and cannot undo', () => {
    attach('refuse_with_eacces', below);
    attach('look_at_retval', below);
    attach('redirect_web');
    const answer = kernel.cgroupEvents.address('connect', socket, { port: 23 });
    expect(answer.retval).toBe(EACCES);
    expect(answer.runs.map(({ program }) => program)).toEqual([
      'refuse_with_eacces',
      'look_at_retval',
      'redirect_web',
    ]);
    expect(object.bss.seen_retval).toBe(EACCES);
  });

  it('of bind may be free of the rule for ports below 1024', () => {
    attach('free_ports');
    expect(kernel.cgroupEvents.address('bind', socket, { port: 80 })).toMatchObject({ retval: 0, flags: 1 });
  });

  it('of datagrams have a source, too', () => {
    attach('send_from_loopback');
    const datagrams = kernel.sockets.open({ cgroup: web, type: 'dgram' });
    const to = { address: ip(8, 8, 8, 8), port: 53 };
    expect(kernel.cgroupEvents.address('sendmsg', datagrams, to, ip(10, 0, 0, 9))).toMatchObject({
      endpoint: { address: ip(127, 0, 0, 2), port: 53 },
      source: ip(127, 0, 0, 1),
    });
  });

  it('of bind6 are those of AF_UNIX for nobody', () => {
    const unix = kernel.sockets.open({ cgroup: web, family: 'unix' });
    expect(kernel.cgroupEvents.address('bind', unix, {})).toMatchObject({ retval: 0, runs: [] });
  });
});

describe('sockets', () => {
  it('may be refused when they are made, and marked', () => {
    const v6 = kernel.sockets.open({ cgroup: web, family: 'inet6' });
    attach('mark_sockets');
    const { retval } = kernel.cgroupEvents.socket('create', socket);
    expect(retval).toBe(0);
    expect(kernel.memory.view.getUint32(socket.address + 16, true), 'its mark').toBe(7);
    expect(kernel.cgroupEvents.socket('create', v6).retval).toBe(EPERM);
  });

  it('may not keep every port', () => {
    attach('no_port_4444');
    const at = (port: number): Socket => kernel.sockets.open({ cgroup: web, local: { port } });
    expect(kernel.cgroupEvents.socket('post_bind', at(4444)).retval).toBe(EPERM);
    expect(kernel.cgroupEvents.socket('post_bind', at(4445)).retval).toBe(0);
  });
});

describe('packets', () => {
  it('come in from the network header on', () => {
    attach('plain_ipv4');
    expect(kernel.cgroupEvents.packet('ingress', socket, frame(0x45)).retval).toBe(0);
    expect(kernel.cgroupEvents.packet('ingress', socket, frame(0x46)).retval).toBe(EPERM);
  });

  it('go out, or not, with or without a word of congestion', () => {
    attach('say_egress');
    const say = (verdict: number): number => {
      object.data.egress_verdict = verdict;
      return kernel.cgroupEvents.packet('egress', socket, frame(0x45)).retval;
    };
    expect([0, 1, 2, 3].map(say)).toEqual([EPERM, 0, 1, 2]);
  });

  it('are counted in the values of the cgroup at which the program is attached', () => {
    attach('count_egress');
    attach('count_egress', below);
    const send = (from: Socket): number => kernel.cgroupEvents.packet('egress', from, frame(0x45)).retval;
    const parent = kernel.sockets.open({ cgroup: web });
    expect([send(socket), send(parent)]).toEqual([0, 0]);
    expect(send(socket), 'web has had two').toBe(EPERM);
    expect(object.maps.packets!.lookup({ cgroup_inode_id: BigInt(web.id), attach_type: 1 })).toBe(3n);
    expect(object.maps.packets!.lookup({ cgroup_inode_id: BigInt(below.id), attach_type: 1 })).toBe(2n);
  });
});

describe('values of cgroup storage maps', () => {
  const value = (cgroup: Cgroup): unknown =>
    object.maps.packets!.lookup({ cgroup_inode_id: BigInt(cgroup.id), attach_type: 1 });

  it('appear with the attachment, stay without it, and go with the cgroup', () => {
    expect(value(below)).toBeUndefined();
    const link = attach('count_egress', below);
    expect(value(below)).toBe(0n);
    link.detach();
    expect(value(below)).toBe(0n);
    kernel.process.remove('/sys/fs/cgroup/web/below');
    expect(value(below)).toBeUndefined();
  });

  it('appear with an attachment by bpf(2)', () => {
    const target_fd = kernel.process.open('/sys/fs/cgroup/web');
    const attach_bpf_fd = kernel.process.openProgram(object.programs.count_egress!);
    kernel.bpf('BPF_PROG_ATTACH', { target_fd, attach_bpf_fd, attach_type: 1 });
    expect(value(web)).toBe(0n);
  });
});

describe('which programs run', () => {
  const run = (): string[] =>
    kernel.cgroupEvents.address('connect', socket, {}).runs.map(({ program }) => program);
  const byBpf = (program: string, cgroup: string, attach_flags: number): void => {
    const target_fd = kernel.process.open(cgroup);
    const attach_bpf_fd = kernel.process.openProgram(object.programs[program]!);
    kernel.bpf('BPF_PROG_ATTACH', { target_fd, attach_bpf_fd, attach_type: 10, attach_flags });
  };

  it('of overridable ones the lowest only', () => {
    byBpf('redirect_web', '/sys/fs/cgroup/web', 1);
    expect(run()).toEqual(['redirect_web']);
    byBpf('look_at_retval', '/sys/fs/cgroup/web/below', 1);
    expect(run()).toEqual(['look_at_retval']);
  });

  it('of multiple ones all, from below, after those of BPF_F_PREORDER from above', () => {
    byBpf('redirect_web', '/sys/fs/cgroup/web', 2 | 64);
    byBpf('refuse_with_eacces', '/sys/fs/cgroup/web', 2);
    byBpf('look_at_retval', '/sys/fs/cgroup/web/below', 2);
    expect(run()).toEqual(['redirect_web', 'look_at_retval', 'refuse_with_eacces']);
  });
});

describe('sockets of this kernel', () => {
  const LOOPBACK = ip(127, 0, 0, 1);
  const open = (options = {}): Socket => kernel.sockets.open({ cgroup: web, ...options });

  it('are refused or marked when they are opened', () => {
    attach('mark_sockets');
    expect(open().mark).toBe(7);
    expect(() => open({ family: 'inet6' })).toThrow(/EPERM/);
    expect(kernel.sockets.open({ cgroup: kernel.cgroups.root, family: 'inet6' }).mark).toBe(0);
  });

  it('connect to where programs send them, or not at all', () => {
    attach('redirect_web');
    const server = open();
    server.bind({ address: LOOPBACK, port: 8080 });
    server.listen();
    const client = open();
    client.connect({ address: LOOPBACK, port: 80 });
    expect([client.remote.port, server.accept()?.remote.port]).toEqual([8080, client.local.port]);
    expect(() => {
      open().connect({ address: LOOPBACK, port: 23 });
    }).toThrow(/EPERM/);
  });

  it('give a port back that they may not keep', () => {
    const link = attach('no_port_4444');
    const server = open();
    expect(() => {
      server.bind({ port: 4444 });
    }).toThrow(/EPERM/);
    expect(server.local.port).toBeUndefined();
    link.detach();
    server.bind({ port: 4444 });
    expect(server.local.port).toBe(4444);
  });

  it('send datagrams to where programs say', () => {
    attach('send_from_loopback');
    const receiver = open({ type: 'dgram' });
    receiver.bind({ address: ip(127, 0, 0, 2), port: 53 });
    const sender = open({ type: 'dgram' });
    sender.send(Uint8Array.of(1, 2), { address: ip(8, 8, 8, 8), port: 53 });
    expect(receiver.receive()).toEqual(Uint8Array.of(1, 2));
  });
});

describe('packets of a socket at a device', () => {
  it('are dropped ahead of tc on the way out, and behind it on the way in', () => {
    attach('say_egress');
    attach('plain_ipv4');
    const send = (verdict: number): string => {
      object.data.egress_verdict = verdict;
      return kernel.transmit('eth0', frame(0x45), { socket }).verdict;
    };
    expect([0, 1, 2, 3].map(send)).toEqual(['drop', 'pass', 'drop', 'pass']);
    const { verdict, runs } = kernel.receive('eth0', frame(0x46), { socket });
    expect([verdict, runs.map(({ program }) => program)]).toEqual(['drop', ['plain_ipv4']]);
    expect(kernel.receive('eth0', frame(0x45), { socket }).verdict).toBe('pass');
    expect(kernel.receive('eth0', frame(0x46)).runs, 'a packet for nobody').toEqual([]);
  });
});

describe('socket options', () => {
  const priority = (value: number): { level: number; name: number; value: Uint8Array } => ({
    level: SOL_SOCKET,
    name: SO_PRIORITY,
    value: u32(value),
  });

  it('are changed before the kernel sees them', () => {
    attach('limit_priority');
    expect(kernel.cgroupEvents.setOption(socket, priority(9))).toMatchObject({
      handledBy: 'kernel',
      option: { value: u32(3) },
    });
    const other = { level: 6, name: 1, value: u32(9) };
    expect(kernel.cgroupEvents.setOption(socket, other)).toMatchObject({
      handledBy: 'kernel',
      option: other,
    });
  });

  it('are handled without the kernel', () => {
    attach('own_option');
    attach('own_option_value');
    const own = { level: OWN_LEVEL, name: 0, value: u32(1) };
    expect(kernel.cgroupEvents.setOption(socket, own)).toMatchObject({ retval: 0, handledBy: 'program' });
    const asked = { ...own, value: new Uint8Array(4) };
    expect(kernel.cgroupEvents.getOption(socket, asked, { retval: ENOPROTOOPT })).toMatchObject({
      retval: 0,
      value: Uint8Array.of(42),
    });
    const known = priority(2);
    expect(kernel.cgroupEvents.getOption(socket, known)).toMatchObject({ retval: 0, value: u32(2) });
    expect(kernel.cgroupEvents.getOption(socket, known, { retval: ENOPROTOOPT }).retval).toBe(ENOPROTOOPT);
  });

  it('longer than a page are seen cut, and stay as they are', () => {
    attach('limit_priority');
    const long = { level: SOL_SOCKET, name: SO_PRIORITY, value: new Uint8Array(5000).fill(1) };
    expect(kernel.cgroupEvents.setOption(socket, long)).toMatchObject({ handledBy: 'kernel', option: long });
  });
});

describe('tasks', () => {
  beforeEach(() => {
    kernel.moveToCgroup(kernel.currentTask, '/sys/fs/cgroup/web');
  });

  it('write to sysctls what programs make of it', () => {
    attach('always_600');
    const event = { name: 'net/ipv4/tcp_fin_timeout', current: '60\n', write: '5' };
    const { retval, write } = kernel.cgroupEvents.sysctl(event);
    expect([retval, decodeUtf8(write!)]).toEqual([0, '600']);
    expect(object.bss.sysctl_name).toBe('net/ipv4/tcp_fin_timeout');
    expect([object.bss.sysctl_was, object.bss.sysctl_new]).toEqual(['60\n', '5']);
    const reading = kernel.cgroupEvents.sysctl({ name: 'kernel/a', current: '1' });
    expect([reading.retval, reading.write]).toEqual([0, undefined]);
  });

  it('open the devices that programs let them open', () => {
    attach('only_random');
    const random = { kind: 'char', major: 1, minor: 8 } as const;
    expect(kernel.cgroupEvents.device({ ...random, access: ['read'] }).retval).toBe(0);
    expect(kernel.cgroupEvents.device({ ...random, access: ['read', 'write'] }).retval).toBe(EPERM);
    expect(kernel.cgroupEvents.device({ ...random, minor: 9, access: ['read'] }).retval).toBe(EPERM);
    const stranger = kernel.spawn();
    expect(kernel.cgroupEvents.device({ ...random, access: ['mknod'] }, stranger).runs).toEqual([]);
  });
});

it('gives all memory of events back', () => {
  for (const program of object.programList) program.attach({ cgroup: web });
  const round = (): number => {
    kernel.cgroupEvents.address('connect', socket, { port: 80 });
    kernel.cgroupEvents.packet('egress', socket, frame(0x45));
    kernel.cgroupEvents.setOption(socket, { level: 1, name: 2, value: u32(1) });
    kernel.cgroupEvents.sysctl({ name: 'a', current: 'b', write: 'c' });
    kernel.cgroupEvents.device({ kind: 'block', major: 1, minor: 2, access: ['write'] });
    return kernel.memory.bytesInUse;
  };
  expect(round()).toBe(round());
});
