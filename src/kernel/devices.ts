/**
 * Network devices and the way of a packet through their programs: XDP, then tc, then socket filters on the way in; tc and
 * socket filters on the way out (net/core/dev.c, __netif_receive_skb_core and __dev_queue_xmit).
 */
import { Errno } from '../base/errno.ts';
import { UsageError } from '../base/errors.ts';
import type { RedirectRequest } from '../helpers/index.ts';
import type { ProgramRun } from './events.ts';
import type { Attachment, HookTable } from './hooks.ts';
import type { Machine } from './machine.ts';
import {
  PAGE_BYTES,
  PacketBuffer,
  type PacketSinks,
  SHARED_INFO_BYTES,
  SKB_HEADROOM,
  XDP_HEADROOM,
} from './packet-buffer.ts';

/** A network device. */
export interface Device {
  readonly name: string;
  readonly ifindex: number;
}

/** What became of a packet: the name of the last program's verdict, without its prefix. */
export type PacketVerdict = 'pass' | 'drop' | 'tx' | 'redirect' | 'aborted';

/** The outcome of one packet at one device. */
export interface PacketResult {
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
  redirect: RedirectRequest | undefined;
}

export interface PacketOptions {
  readonly cpu?: number;
  /** Receive queue, as XDP programs see it. */
  readonly queue?: number;
}

/** All devices of a machine: `lo` (1) and `eth0` (2) from the start. */
export class DeviceTable {
  private readonly machine: Machine;
  private readonly hooks: HookTable;
  private readonly devices: Device[] = [];

  constructor(machine: Machine, hooks: HookTable) {
    this.machine = machine;
    this.hooks = hooks;
    this.add('lo');
    this.add('eth0');
  }

  /** Makes a device; its index is the next free number. */
  add(name: string): Device {
    if (this.devices.some((device) => device.name === name)) {
      throw new UsageError('device-exists', `there is a device '${name}' already`);
    }
    const device = { name, ifindex: this.devices.length + 1 };
    this.devices.push(device);
    return device;
  }

  /** @throws UsageError when there is no such device. */
  get(name: string): Device {
    const found = this.devices.find((device) => device.name === name);
    if (found) return found;
    const names = this.devices.map((device) => device.name).join(', ');
    throw new UsageError('no-such-device', `there is no device '${name}'; there are ${names}`);
  }

  byIndex(ifindex: number): Device | undefined {
    return this.devices[ifindex - 1];
  }

  /** A frame (from its Ethernet header on) arrives at a device. */
  receive(name: string, frame: Uint8Array, options: PacketOptions = {}): PacketResult {
    const device = this.get(name);
    return this.travel(options, (journey) => {
      const after = this.runXdp(device, frame, options.queue ?? 0, journey);
      if (after.verdict !== 'pass') return { ...after, sockets: [] };
      return this.runStack(device, after.data, 'ingress', journey);
    });
  }

  /** A frame is sent out of a device. */
  transmit(name: string, frame: Uint8Array, options: PacketOptions = {}): PacketResult {
    const device = this.get(name);
    return this.travel(options, (journey) => this.runStack(device, frame, 'egress', journey));
  }

  private travel(
    options: PacketOptions,
    action: (journey: Journey) => Pick<PacketResult, 'verdict' | 'data' | 'sockets'>,
  ): PacketResult {
    const journey: Journey = { runs: [], clones: [], redirect: undefined };
    const result = this.machine.during({ cpu: options.cpu ?? this.machine.current.cpu }, () =>
      action(journey),
    );
    const { runs, clones, redirect } = journey;
    const redirected = result.verdict === 'redirect' && redirect !== undefined;
    return { ...result, runs, clones, ...(redirected ? { redirect } : {}) };
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
    journey: Journey,
  ): Pick<PacketResult, 'verdict' | 'data' | 'sockets'> {
    const room = SKB_HEADROOM + frame.length + PAGE_BYTES + SHARED_INFO_BYTES;
    return this.withPacket('skb', room, journey, (packet) => {
      packet.fillSkb(frame, { ifindex: device.ifindex, queue: 0 }, true);
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
      return { verdict, data: packet.frame(), sockets };
    });
  }

  private runOn(packet: PacketBuffer, link: Attachment, journey: Journey): ProgramRun {
    const { r0, retval } = this.machine.during({ packet }, () =>
      this.machine.run(link.program, packet.context),
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
