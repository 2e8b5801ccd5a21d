/**
 * SK_LOOKUP programs of the network namespace: they give a packet to a socket, whatever that is bound to, or refuse it
 * (BPF_PROG_SK_LOOKUP_RUN_ARRAY in include/linux/filter.h). Also their test run (net/bpf/test_run.c).
 */
import type { SocketChoice } from '../../helpers/index.ts';
import { BPF_SK_LOOKUP_F_NO_REUSEPORT, LOOPBACK_IFINDEX, SK_DROP, SK_PASS } from '../../spec/uapi.ts';
import type { Memory } from '../../vm/index.ts';
import type { HookTable } from '../attach/hooks.ts';
import type { Machine } from '../machine/machine.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { Flow } from './flow.ts';
import type { Socket } from './socket.ts';
import { familyNumber, writeAddress } from './socket-image.ts';

/** The hook of SK_LOOKUP programs. */
export const SK_LOOKUP_HOOK = 'netns/sk_lookup';

/** Offsets in struct bpf_sk_lookup. */
export const SkLookup = {
  sk: 0,
  family: 8,
  protocol: 12,
  remoteIp4: 16,
  remoteIp6: 20,
  remotePort: 36,
  localIp4: 40,
  localIp6: 44,
  localPort: 60,
  ingressIfindex: 64,
  bytes: 72,
} as const;

/** What programs said: nothing, refuse, or a socket, which may be one of a group that decides for itself. */
export type LookupAnswer =
  | { readonly kind: 'none' | 'refuse' }
  | { readonly kind: 'socket'; readonly socket: Socket; readonly asksGroup: boolean };

/** What one program left of what those before it chose. */
interface Outcome {
  readonly retval: number;
  readonly choice: SocketChoice;
}

/** The SK_LOOKUP programs of one machine. */
export class SkLookupPrograms {
  private readonly machine: Machine;
  private readonly hooks: HookTable;

  constructor(machine: Machine, hooks: HookTable) {
    this.machine = machine;
    this.hooks = hooks;
  }

  /** Asks all programs of the namespace. The last socket that one chose counts; without one, a single refusal does. */
  ask(flow: Flow): LookupAnswer {
    const row = this.hooks.at(SK_LOOKUP_HOOK);
    if (row.length === 0) return { kind: 'none' };
    const { memory } = this.machine;
    const context = memory.allocate({ size: SkLookup.bytes, kind: 'ctx', name: 'bpf_sk_lookup' });
    try {
      fillContext(memory, context, flow);
      return this.askAll(
        row.map(({ program }) => program),
        context,
      );
    } finally {
      memory.free(context);
    }
  }

  private askAll(programs: readonly LoadedProgram[], context: number): LookupAnswer {
    let chosen: SocketChoice = { socket: undefined, flags: 0 };
    let isRefused = false;
    for (const program of programs) {
      const { retval, choice } = runSkLookup(this.machine, program, context, chosen);
      if (retval === SK_PASS && choice.socket !== undefined) chosen = choice;
      else if (retval === SK_DROP) isRefused = true;
    }
    const { flags } = chosen;
    const socket = this.machine.objects.sockets.at(chosen.socket?.address ?? 0);
    if (socket === undefined) return { kind: isRefused ? 'refuse' : 'none' };
    return { kind: 'socket', socket, asksGroup: (flags & BPF_SK_LOOKUP_F_NO_REUSEPORT) === 0 };
  }
}

/** Runs one program, to which the socket that was chosen before is shown. */
export function runSkLookup(
  machine: Machine,
  program: LoadedProgram,
  context: number,
  before: SocketChoice,
): Outcome {
  const choice = { ...before };
  machine.memory.view.setUint32(context + SkLookup.sk, choice.socket?.address ?? 0, true);
  const { retval } = machine.during({ choice }, () => machine.runner.run(program, context));
  return { retval, choice };
}

function fillContext(memory: Memory, context: number, { protocol, family, source, target }: Flow): void {
  const { view } = memory;
  memory.u8.fill(0, context, context + SkLookup.bytes);
  view.setUint32(context + SkLookup.family, familyNumber(family), true);
  view.setUint32(context + SkLookup.protocol, protocol, true);
  writeAddress(memory, context + SkLookup.remoteIp4, context + SkLookup.remoteIp6, source.address);
  view.setUint16(context + SkLookup.remotePort, source.port, false);
  writeAddress(memory, context + SkLookup.localIp4, context + SkLookup.localIp6, target.address);
  view.setUint32(context + SkLookup.localPort, target.port, true);
  view.setUint32(context + SkLookup.ingressIfindex, LOOPBACK_IFINDEX, true);
}
