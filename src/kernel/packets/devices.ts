/**
 * Network devices and the way of a packet through their programs: XDP, then tc, then socket filters on the way in; tc and
 * socket filters on the way out (net/core/dev.c, __netif_receive_skb_core and __dev_queue_xmit).
 */
import { needBytes } from '../../base/bytes.ts';
import { Errno } from '../../base/errno.ts';
import { UsageError } from '../../base/errors.ts';
import type { RedirectRequest } from '../../helpers/index.ts';
import type { DeviceRef, ProgRef, RedirectTarget } from '../../maps/index.ts';
import { PAGE_BYTES } from '../../spec/uapi.ts';
import type { Attachment, HookTable } from '../attach/hooks.ts';
import { CgroupRunner } from '../cgroup-events/run.ts';
import { NET_XMIT_CN, runPacketEvent } from '../cgroup-events/sockets.ts';
import type { ProgramRun } from '../events/program-run.ts';
import type { Machine } from '../machine/machine.ts';
import type { Socket } from '../sockets/socket.ts';
import {
  PacketBuffer,
  type PacketSinks,
  SHARED_INFO_BYTES,
  SKB_HEADROOM,
  XDP_HEADROOM,
} from './packet-buffer.ts';

/** A network device. */
export interface Device extends DeviceRef {
  readonly name: string;
  readonly ifindex: number;
}

/** What became of a packet: the name of the last program's verdict, without its prefix. */
export type PacketVerdict = 'pass' | 'drop' | 'tx' | 'redirect' | 'aborted';

/** A packet, or a copy of it, at a target of a device, CPU or AF_XDP map. */
export interface ForwardedPacket {
  readonly target: 'device' | 'cpu' | 'socket';
  /** Index of the device, number of the CPU, or cookie of the socket. */
  readonly number: number;
  /** `pass`: it left by the device, went up the stack on the CPU, or is in the socket's queue; else what stopped it. */
  readonly verdict: PacketVerdict;
  readonly data: Uint8Array;
}

/** The outcome of one packet at one device. */
export interface PacketResult {
  /** Where bpf_redirect_map sent the packet, and what became of it there. */
  readonly forwarded: readonly ForwardedPacket[];
  readonly verdict: PacketVerdict;
  /** The packet as the programs left it. */
  readonly data: Uint8Array;
  readonly runs: readonly ProgramRun[];
  /** Where a redirected packet goes. */
  readonly redirect?: RedirectRequest;
  /** Copies that bpf_clone_redirect sent. */
  readonly clones: readonly {
    readonly ifindex: number;
    readonly ingress: boolean;
    readonly data: Uint8Array;
  }[];
  /** Bytes that each socket filter kept of the packet. */
  readonly sockets: readonly { readonly program: string; readonly kept: number }[];
}

/** XDP actions by number (enum xdp_action); others count as aborted. */
const XDP_VERDICTS: readonly PacketVerdict[] = ['aborted', 'drop', 'pass', 'tx', 'redirect'];

/** tc actions (include/uapi/linux/pkt_cls.h): negative ones and 3 go on to the next program. */
const TC_VERDICTS: Readonly<Record<number, PacketVerdict>> = {
  0: 'pass',
  1: 'pass',
  2: 'drop',
  4: 'drop',
  5: 'drop',
  7: 'redirect',
  8: 'drop',
};

interface Journey {
  readonly runs: ProgramRun[];
  readonly clones: { ifindex: number; ingress: boolean; data: Uint8Array }[];
  readonly forwarded: ForwardedPacket[];
  redirect: RedirectRequest | undefined;
}

/** How a packet comes to a device. */
export interface PacketOptions {
  readonly cpu?: number;
  /** Receive queue, as XDP programs see it. */
  readonly queue?: number;
  /**
   * The socket that the packet belongs to: that sends it, or that it was found to be for. tc programs and socket filters see it, and the programs of
   * its cgroup are asked about the packet: first on the way out, last on the way in.
   */
  readonly socket?: Socket;
}

/** A device: maps that hold it are told when it goes. */
class DeviceObject implements Device {
  readonly name: string;
  readonly ifindex: number;
  private readonly listeners = new Set<() => void>();

  constructor(name: string, ifindex: number) {
    this.name = name;
    this.ifindex = ifindex;
  }

  onEnd(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  end(): void {
    for (const listener of [...this.listeners]) listener();
    this.listeners.clear();
  }
}

/** All devices of a machine: `lo` (1) and `eth0` (2) from the start. */
export class DeviceTable {
  private readonly machine: Machine;
  private readonly hooks: HookTable;
  private readonly cgroups: CgroupRunner;
  private readonly devices: DeviceObject[] = [];
  private lastIndex = 0;

  constructor(machine: Machine, hooks: HookTable) {
    this.machine = machine;
    this.hooks = hooks;
    this.cgroups = new CgroupRunner(machine, hooks);
    machine.objects.setDevices({
      byIndex: (ifindex) => this.byIndex(ifindex),
      get: (name) => this.get(name),
    });
    this.add('lo');
    this.add('eth0');
  }

  /** Makes a device; its index is the next free number. */
  add(name: string): Device {
    if (this.devices.some((device) => device.name === name)) {
      throw new UsageError('device-exists', `there is a device '${name}' already`);
    }
    const device = new DeviceObject(name, ++this.lastIndex);
    this.devices.push(device);
    return device;
  }

  /** Takes a device away: it leaves maps, and what is attached to it is detached. @throws UsageError */
  remove(name: string): void {
    const { ifindex } = this.get(name);
    const at = this.devices.findIndex((device) => device.ifindex === ifindex);
    for (const device of this.devices.splice(at, 1)) device.end();
    for (const hook of ['xdp', 'tc/ingress', 'tc/egress', 'socket']) this.hooks.empty(`${hook}:${name}`);
  }

  /** @throws UsageError when there is no such device. */
  get(name: string): Device {
    const found = this.devices.find((device) => device.name === name);
    if (found) return found;
    const names = this.devices.map((device) => device.name).join(', ');
    throw new UsageError('no-such-device', `there is no device '${name}'; there are ${names}`);
  }

  byIndex(ifindex: number): Device | undefined {
    return this.devices.find((device) => device.ifindex === ifindex);
  }

  /** A frame (from its Ethernet header on) arrives at a device. */
  receive(name: string, frame: Uint8Array, options: PacketOptions = {}): PacketResult {
    const device = this.get(name);
    needBytes(frame, 'a frame');
    return this.travel(options, (journey) => {
      const after = this.runXdp(device, frame, options.queue ?? 0, journey);
      if (after.verdict === 'redirect') this.forward(device, after.data, options, journey);
      if (after.verdict !== 'pass') return { ...after, sockets: [] };
      return this.runStack(device, after.data, 'ingress', options, journey);
    });
  }

  /** A frame is sent out of a device. */
  transmit(name: string, frame: Uint8Array, options: PacketOptions = {}): PacketResult {
    const device = this.get(name);
    needBytes(frame, 'a frame');
    return this.travel(options, (journey) => this.runStack(device, frame, 'egress', options, journey));
  }

  private travel(
    options: PacketOptions,
    action: (journey: Journey) => Pick<PacketResult, 'verdict' | 'data' | 'sockets'>,
  ): PacketResult {
    const journey: Journey = { runs: [], clones: [], forwarded: [], redirect: undefined };
    const result = this.machine.during({ cpu: options.cpu ?? this.machine.current.cpu }, () =>
      action(journey),
    );
    const { runs, clones, forwarded, redirect } = journey;
    const redirected = result.verdict === 'redirect' && redirect !== undefined;
    return { ...result, runs, clones, forwarded, ...(redirected ? { redirect } : {}) };
  }

  private runXdp(
    device: Device,
    frame: Uint8Array,
    queue: number,
    journey: Journey,
  ): { verdict: PacketVerdict; data: Uint8Array } {
    const [link] = this.hooks.at(`xdp:${device.name}`);
    if (link === undefined) return { verdict: 'pass', data: frame };
    const room = Math.max(PAGE_BYTES, XDP_HEADROOM + frame.length + SHARED_INFO_BYTES);
    return this.withPacket('xdp', room, journey, (packet) => {
      packet.fillXdp(frame, { ifindex: device.ifindex, queue });
      const { retval } = this.runOn(packet, link, journey);
      return { verdict: XDP_VERDICTS[retval] ?? 'aborted', data: packet.frame() };
    });
  }

  private runStack(
    device: Device,
    frame: Uint8Array,
    direction: 'ingress' | 'egress',
    options: PacketOptions,
    journey: Journey,
  ): Pick<PacketResult, 'verdict' | 'data' | 'sockets'> {
    const room = SKB_HEADROOM + frame.length + PAGE_BYTES + SHARED_INFO_BYTES;
    return this.withPacket('skb', room, journey, (packet) => {
      packet.socket = options.socket;
      packet.fillSkb(frame, { ifindex: device.ifindex, queue: 0 }, true);
      if (direction === 'egress' && !this.cgroupLets(device, frame, direction, options, journey))
        return { verdict: 'drop', data: frame, sockets: [] };
      let verdict: PacketVerdict = 'pass';
      for (const link of this.hooks.at(`tc/${direction}:${device.name}`)) {
        const action = TC_VERDICTS[this.runOn(packet, link, journey).retval];
        if (action === undefined) continue;
        verdict = action;
        break;
      }
      if (verdict !== 'pass') return { verdict, data: packet.frame(), sockets: [] };
      const sockets = this.hooks.at(`socket:${device.name}`).map((link) => {
        const length = packet.frame().length;
        const { retval } = this.runOn(packet, link, journey);
        return { program: link.program.name, kept: Math.min(retval >>> 0, length) };
      });
      const data = packet.frame();
      if (direction === 'ingress' && !this.cgroupLets(device, data, direction, options, journey))
        verdict = 'drop';
      return { verdict, data, sockets };
    });
  }

  /** Whether the programs of the cgroup of a packet's socket let it pass; congestion is told to nobody here. */
  private cgroupLets(
    device: Device,
    frame: Uint8Array,
    direction: 'ingress' | 'egress',
    { socket }: PacketOptions,
    journey: Journey,
  ): boolean {
    if (socket === undefined) return true;
    const arrival = { ifindex: device.ifindex, queue: 0 };
    const { retval, runs } = runPacketEvent(this.cgroups, direction, socket, frame, arrival);
    journey.runs.push(...runs);
    return retval === 0 || retval === NET_XMIT_CN;
  }

  /** Sends a packet to the targets that a map gave (xdp_do_redirect and what each kind of map does with it). */
  private forward(from: Device, data: Uint8Array, options: PacketOptions, journey: Journey): void {
    const { targets = [], excludesIngress = false } = journey.redirect ?? {};
    for (const target of targets) {
      if (excludesIngress && target.kind === 'device' && target.ifindex === from.ifindex) continue;
      journey.forwarded.push(this.deliver(from, target, data, options, journey));
    }
  }

  private deliver(
    from: Device,
    target: RedirectTarget,
    data: Uint8Array,
    options: PacketOptions,
    journey: Journey,
  ): ForwardedPacket {
    switch (target.kind) {
      case 'device': {
        const number = target.ifindex;
        const out = this.runMapProgram(from, target.program, data, number, journey);
        return { target: 'device', number, ...out };
      }
      case 'cpu': {
        const number = target.cpu;
        return this.machine.during({ cpu: number }, () => {
          const out = this.runMapProgram(from, target.program, data, 0, journey);
          if (out.verdict !== 'pass') return { target: 'cpu', number, ...out };
          const { verdict, data: after } = this.runStack(from, out.data, 'ingress', options, journey);
          return { target: 'cpu', number, verdict, data: after };
        });
      }
      case 'socket': {
        // A socket takes packets of the queue that it is bound to, no others (xsk_rcv_check).
        const taken = target.socket.queue === (options.queue ?? 0);
        return { target: 'socket', number: target.socket.cookie, verdict: taken ? 'pass' : 'drop', data };
      }
    }
  }

  /** The program that a device or CPU map has for a target, as attached there; without one packets pass. */
  private runMapProgram(
    from: Device,
    held: ProgRef | undefined,
    data: Uint8Array,
    egress: number,
    journey: Journey,
  ): { verdict: PacketVerdict; data: Uint8Array } {
    const program = held === undefined ? undefined : this.machine.programs.get(held.id);
    if (program === undefined) return { verdict: 'pass', data };
    const room = Math.max(PAGE_BYTES, XDP_HEADROOM + data.length + SHARED_INFO_BYTES);
    return this.withPacket('xdp', room, journey, (packet) => {
      packet.fillXdp(data, { ifindex: from.ifindex, queue: 0, egress });
      const { r0, retval } = this.machine.during({ packet }, () =>
        this.machine.runner.run(program, packet.context),
      );
      journey.runs.push({
        program: program.name,
        hook: egress === 0 ? 'xdp_cpumap' : 'xdp_devmap',
        r0,
        retval,
      });
      const verdict = XDP_VERDICTS[retval] ?? 'aborted';
      // On the way out a packet cannot turn round: all but XDP_PASS drops it.
      return { verdict: egress !== 0 && verdict !== 'pass' ? 'drop' : verdict, data: packet.frame() };
    });
  }

  private runOn(packet: PacketBuffer, link: Attachment, journey: Journey): ProgramRun {
    const { r0, retval } = this.machine.during({ packet }, () =>
      this.machine.runner.run(link.program, packet.context),
    );
    const run = { program: link.program.name, hook: link.hook, r0, retval };
    journey.runs.push(run);
    return run;
  }

  private withPacket<T>(
    kind: 'xdp' | 'skb',
    room: number,
    journey: Journey,
    action: (packet: PacketBuffer) => T,
  ): T {
    const sinks: PacketSinks = {
      redirect: (request) => {
        journey.redirect = request;
      },
      cloneRedirect: (ifindex, ingress) => {
        if (this.byIndex(ifindex) === undefined) return -Errno.EINVAL;
        journey.clones.push({ ifindex, ingress, data: packet.frame() });
        return 0;
      },
    };
    const packet = new PacketBuffer(this.machine.memory, kind, room, sinks);
    try {
      return action(packet);
    } finally {
      packet.free();
    }
  }
}
