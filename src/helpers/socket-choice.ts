/** Choosing the socket for a packet: bpf_sk_select_reuseport and SK_LOOKUP's bpf_sk_assign (net/core/filter.c). */
import { Errno } from '../base/errno.ts';
import type { SocketRef } from '../maps/index.ts';
import { BpfMapType } from '../spec/index.ts';
import { BPF_SK_LOOKUP_F_NO_REUSEPORT } from '../spec/uapi.ts';
import { HelperFault } from './fault.ts';
import { type FamilyMaker, plain } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';
import type { SocketChoice } from './runtime.ts';

const BPF_SK_LOOKUP_F_REPLACE = 1 << 0;
/** Offsets in struct bpf_sk_lookup. */
const LOOKUP_SK = 0;
const LOOKUP_FAMILY = 8;
const LOOKUP_PROTOCOL = 12;
const FAMILY_NUMBERS: Readonly<Partial<Record<SocketRef['family'], number>>> = { inet: 2, inet6: 10 };

/** The choice of a socket, by reuseport map or by the socket itself. */
export const socketChoiceHelpers: FamilyMaker = (runtime) => {
  const { memory } = runtime;

  const choiceOf = (helper: string): SocketChoice => {
    const choice = runtime.socketChoice();
    if (choice !== undefined) return choice;
    const { name } = runtime.runningProgram();
    throw new HelperFault(
      'helper-no-packet',
      `${helper} needs a packet to choose for; program '${name}' has none`,
    );
  };

  return {
    bpf_sk_select_reuseport: plain((_context, address, key) => {
      const map = needMap(runtime, 'bpf_sk_select_reuseport', address);
      if (map.sockets === undefined) throw unsupported(map, 'bpf_sk_select_reuseport');
      const choice = choiceOf('bpf_sk_select_reuseport');
      const selected = map.sockets.socketAt(key >>> 0);
      if (selected === undefined) return -Errno.ENOENT;
      const group = selected.group;
      const asked = runtime.eventSocket();
      if (group === undefined) {
        const isArray = map.attr.type === BpfMapType.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY;
        return isArray ? -Errno.ENOENT : -Errno.EINVAL;
      }
      if (asked !== undefined && group !== asked.group) {
        if (asked.protocol !== selected.protocol) return -Errno.EPROTOTYPE;
        return asked.family === selected.family ? -Errno.EBADFD : -Errno.EAFNOSUPPORT;
      }
      choice.socket = selected;
      return 0;
    }),

    // Sockets of IPv6 take packets of IPv6 only.
    bpf_sk_assign: plain((given, address, flagsLo, flagsHi) => {
      const context = given >>> 0;
      const choice = choiceOf('bpf_sk_assign');
      if ((flagsLo & ~(BPF_SK_LOOKUP_F_REPLACE | BPF_SK_LOOKUP_F_NO_REUSEPORT)) !== 0 || flagsHi !== 0)
        return -Errno.EINVAL;
      const socket = address === 0 ? undefined : runtime.socketAt(address >>> 0);
      const refused = socket === undefined ? 0 : refuse(socket, memory.view, context);
      if (refused !== 0) return refused;
      if (choice.socket !== undefined && (flagsLo & BPF_SK_LOOKUP_F_REPLACE) === 0) return -Errno.EEXIST;
      choice.socket = socket;
      choice.flags = flagsLo & BPF_SK_LOOKUP_F_NO_REUSEPORT;
      memory.view.setUint32(context + LOOKUP_SK, socket?.address ?? 0, true);
      return 0;
    }),
  };
};

/** Why a socket cannot take the packet: 0 or a negative errno. */
function refuse({ type, state, protocol, family }: SocketRef, view: DataView, context: number): number {
  if (state !== (type === 'stream' ? 'listen' : 'close')) return -Errno.ESOCKTNOSUPPORT;
  if (protocol !== view.getUint32(context + LOOKUP_PROTOCOL, true)) return -Errno.EPROTOTYPE;
  const wanted = view.getUint32(context + LOOKUP_FAMILY, true);
  return FAMILY_NUMBERS[family] === wanted ? 0 : -Errno.EAFNOSUPPORT;
}
