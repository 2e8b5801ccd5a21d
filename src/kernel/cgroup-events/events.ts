/**
 * Events that programs of cgroups are asked about, for users to make happen: `kernel.cgroupEvents.connect(socket, …)`. Each runs what is attached to
 * the cgroup of the socket or task and to those above, and says what came of it; carrying it out is for the caller.
 */
import { LOOPBACK_IFINDEX } from '../../spec/uapi.ts';
import type { HookTable } from '../attach/hooks.ts';
import type { Machine } from '../machine/machine.ts';
import type { Task } from '../machine/tasks.ts';
import type { Device } from '../packets/devices.ts';
import type { Socket } from '../sockets/socket.ts';
import type { Endpoint } from '../sockets/socket-image.ts';
import {
  type GetOptionAnswer,
  runGetOption,
  runSetOption,
  type SetOptionAnswer,
  type SocketOption,
} from './options.ts';
import { type CgroupAnswer, CgroupRunner } from './run.ts';
import { type AddressAnswer, type AddressEvent, runAddressEvent } from './socket-addresses.ts';
import { type PacketAnswer, runPacketEvent, runSocketEvent, type SocketEvent } from './sockets.ts';
import {
  type DeviceEvent,
  runDeviceEvent,
  runSysctlEvent,
  type SysctlAnswer,
  type SysctlEvent,
} from './system.ts';

/** What cgroups are asked, one method an event. A refusal is a result; a program that faults throws VmFault. */
export class CgroupEvents {
  private readonly runner: CgroupRunner;

  constructor(machine: Machine, hooks: HookTable) {
    this.runner = new CgroupRunner(machine, hooks);
  }

  /**
   * Something happens to an address of a socket: it binds, connects, sends or receives a datagram, or is asked for an end's name.
   * @param endpoint The address as user space, or the kernel, gives it.
   * @param source sendmsg: the address that the datagram is sent from.
   * @returns the answer, with the address as programs left it. bind: bit 0 of `flags` lets the port be below 1024 without a capability.
   */
  address(event: AddressEvent, socket: Socket, endpoint: Endpoint, source?: Uint8Array): AddressAnswer {
    return runAddressEvent(this.runner, event, socket, endpoint, source);
  }

  /** A socket is made, was bound, or is released. */
  socket(event: SocketEvent, socket: Socket): CgroupAnswer {
    return runSocketEvent(this.runner, event, socket);
  }

  /**
   * A packet comes in for a socket, or goes out from it.
   * @param frame From its Ethernet header on; programs see it from the network header on.
   * @param device What it came in or goes out by; `lo` by default.
   * @returns the answer: in, 0 or a negative errno; out, 0, NET_XMIT_DROP (1), NET_XMIT_CN (2) or a negative errno.
   */
  packet(
    direction: 'ingress' | 'egress',
    socket: Socket,
    frame: Uint8Array,
    device?: Pick<Device, 'ifindex'>,
  ): PacketAnswer {
    return runPacketEvent(this.runner, direction, socket, frame, {
      ifindex: device?.ifindex ?? LOOPBACK_IFINDEX,
      queue: 0,
    });
  }

  /** setsockopt(2) on a socket: programs may change the option, refuse it, or do without the kernel. */
  setOption(socket: Socket, option: SocketOption): SetOptionAnswer {
    return runSetOption(this.runner, socket, option);
  }

  /**
   * getsockopt(2) on a socket.
   * @param option What the kernel gives for it; `retval`: the kernel's answer, 0 by default.
   * @param room Bytes that the caller has for the value: those of the option by default.
   */
  getOption(
    socket: Socket,
    option: SocketOption,
    { room = option.value.length, retval = 0 }: { readonly room?: number; readonly retval?: number } = {},
  ): GetOptionAnswer {
    return runGetOption(this.runner, socket, option, room, retval);
  }

  /** A task, the current one by default, reads or writes a sysctl. */
  sysctl(event: SysctlEvent, task?: Task): SysctlAnswer {
    return this.as(task, (cgroup) => runSysctlEvent(this.runner, cgroup, event));
  }

  /** A task, the current one by default, opens or makes a device file. */
  device(event: DeviceEvent, task?: Task): CgroupAnswer {
    return this.as(task, (cgroup) => runDeviceEvent(this.runner, cgroup, event));
  }

  private as<T>(
    given: Task | undefined,
    action: (cgroup: ReturnType<Machine['objects']['cgroupOf']>) => T,
  ): T {
    const { machine } = this.runner;
    const task = given ?? machine.current.task;
    return machine.during({ task }, () => action(machine.objects.cgroupOf(task)));
  }
}
