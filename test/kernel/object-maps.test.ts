/** Maps that hold objects of the simulated kernel, from programs: redirection that arrives, values on tasks, stacks, cgroups. */
import { describe, expect, it } from 'vitest';
import { ethernet, ipv4, Kernel, packet, udp } from '../../src/index.ts';
import { openFixture } from '../fixtures.ts';

const frame = packet(ethernet(), ipv4(), udp({ dport: 9 }), 'payload');

function redirecting() {
  const kernel = new Kernel({ cpus: 2 });
  const object = kernel.load(openFixture('xdp/redirect_maps'));
  object.programs.redirect!.attach({ device: 'eth0' });
  const { devices, cpus, sockets } = object.maps;
  return { kernel, object, devices: devices!, cpus: cpus!, sockets: sockets! };
}

/** A struct bpf_devmap_val. */
const device = (ifindex: number, program = 0) => ({ ifindex, program });

describe('bpf_redirect_map', () => {
  it('gives the low bits of the flags when the slot is empty', () => {
    const { kernel } = redirecting();
    expect(kernel.receive('eth0', frame).verdict).toBe('drop');
    expect(kernel.receive('eth0', frame, { queue: 2 }).verdict).toBe('pass');
  });

  it('sends packets out of another device', () => {
    const { kernel, devices } = redirecting();
    const target = kernel.devices.add('eth1');
    devices.update(1, device(target.ifindex));
    const result = kernel.receive('eth0', frame);
    expect(result.verdict).toBe('redirect');
    expect(result.forwarded).toEqual([
      { target: 'device', number: target.ifindex, verdict: 'pass', data: frame },
    ]);
    kernel.devices.remove('eth1');
    expect(kernel.receive('eth0', frame)).toMatchObject({ verdict: 'drop', forwarded: [] });
  });

  it('shows them to the program of the slot, which knows the device', () => {
    const { kernel, object, devices } = redirecting();
    const leaving = kernel.process.openProgram(object.programs.leaving!);
    devices.update(1, device(1, leaving));
    kernel.process.close(leaving);
    const result = kernel.receive('eth0', frame);
    expect(result.forwarded).toMatchObject([{ target: 'device', number: 1, verdict: 'pass' }]);
    expect(result.runs.map((run) => run.hook)).toEqual(['xdp:eth0', 'xdp_devmap']);
    expect(object.bss.left_by).toBe(1);
    expect(devices.lookup(1)).toMatchObject({ ifindex: 1 });
  });

  it('broadcasts to all devices but the one that the packet came from', () => {
    const { kernel, devices } = redirecting();
    const eth1 = kernel.devices.add('eth1');
    [2, 1, eth1.ifindex].forEach((ifindex, slot) => {
      devices.update(slot, device(ifindex));
    });
    const { forwarded } = kernel.receive('eth0', frame, { queue: 3 });
    expect(forwarded.map(({ number }) => number)).toEqual([1, eth1.ifindex]);
  });

  it('moves packets to another CPU, where they go up the stack', () => {
    const { kernel, cpus } = redirecting();
    cpus.update(1, 64);
    const { verdict, forwarded } = kernel.receive('eth0', frame, { queue: 1 });
    expect(verdict).toBe('redirect');
    expect(forwarded).toEqual([{ target: 'cpu', number: 1, verdict: 'pass', data: frame }]);
  });

  it('hands packets to an AF_XDP socket of their queue', () => {
    const { kernel, sockets } = redirecting();
    const socket = kernel.sockets.open({ family: 'xdp', type: 'raw', queue: 2 });
    const other = kernel.sockets.open({ family: 'xdp', type: 'raw', queue: 0 });
    sockets.update(2, socket);
    const arrived = kernel.receive('eth0', frame, { queue: 2 });
    expect(arrived.forwarded).toMatchObject([{ target: 'socket', number: socket.cookie, verdict: 'pass' }]);
    sockets.update(2, other);
    expect(kernel.receive('eth0', frame, { queue: 2 }).forwarded).toMatchObject([{ verdict: 'drop' }]);
    other.close();
    expect(kernel.receive('eth0', frame, { queue: 2 }).forwarded).toEqual([]);
  });
});

describe('task_notes', () => {
  const setup = () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('tracing/task_notes'));
    object.programs.note_call!.attach();
    return { kernel, object };
  };

  it('keeps a value for each task until the task ends', () => {
    const { kernel, object } = setup();
    const calls = object.maps.calls!;
    const other = kernel.spawn({ comm: 'other' });
    kernel.syscall('getpid');
    kernel.syscall('getpid');
    kernel.syscall('getpid', [], { pid: other.pid });
    expect(calls.lookup(kernel.currentTask)).toBe(2n);
    expect(calls.lookup(other)).toBe(1n);
    calls.update(other, 40n);
    kernel.syscall('getpid', [], { pid: other.pid });
    expect(calls.lookup(other)).toBe(41n);
    expect(calls.delete(other)).toBe(true);
    expect(calls.lookup(other)).toBeUndefined();
  });

  it('keeps the call stack that an event is fired with', () => {
    const { kernel, object } = setup();
    const kernelStack = [0xffffffff81000010n, 0xffffffff81000020n];
    kernel.rawTracepoint('sys_enter', [0, 39], { kernelStack });
    const id = Number(object.bss.last_stack);
    expect(id).toBeGreaterThanOrEqual(0);
    const trace = object.maps.stacks!.lookupBytes(new Uint8Array(new Uint32Array([id]).buffer))!;
    expect([...new BigUint64Array(trace.slice().buffer)]).toEqual([...kernelStack, 0n, 0n, 0n, 0n, 0n, 0n]);
    kernel.rawTracepoint('sys_enter', [0, 39]);
    expect(object.bss.last_stack).toBe(-14n);
  });

  it('knows who belongs to a cgroup', () => {
    const { kernel, object } = setup();
    const web = kernel.cgroups.make('/sys/fs/cgroup/web');
    kernel.cgroups.make('/sys/fs/cgroup/web/inner');
    object.maps.watched!.update(0, web);
    kernel.syscall('getpid');
    expect(object.bss.in_cgroup).toBe(0n);
    kernel.moveToCgroup(kernel.currentTask, '/sys/fs/cgroup/web/inner');
    kernel.syscall('getpid');
    expect(object.bss.in_cgroup).toBe(1n);
  });
});
