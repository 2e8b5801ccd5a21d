/**
 * Sending packets elsewhere: bpf_redirect and its kin, bpf_clone_redirect (net/core/filter.c). The request is kept by the packet;
 * it counts when the program returns the value that these helpers return.
 */
import { Errno } from '../base/errno.ts';
import { BpfProgType } from '../spec/index.ts';
import { BPF_F_INGRESS, XDP_ABORTED, XDP_REDIRECT } from '../spec/uapi.ts';
import { HelperFault } from './fault.ts';
import { type FamilyMaker, plain } from './implementation.ts';
import type { HelperRuntime, PacketPort, RedirectRequest } from './runtime.ts';

const TC_ACT_SHOT = 2;
const TC_ACT_REDIRECT = 7;
/** sizeof(struct bpf_redir_neigh). */
const REDIR_NEIGH_BYTES = 20;

/** Redirection to devices. */
export const redirectHelpers: FamilyMaker = (runtime) => {
  const request = (helper: string, how: RedirectRequest['how'], ifindex: number, flags: number): void => {
    needPacket(runtime, helper).redirect({ how, ifindex: ifindex >>> 0, flags });
  };

  return {
    bpf_redirect: plain((ifindex, _ifindexHi, flagsLo, flagsHi) => {
      const xdp = runtime.runningProgram().type === BpfProgType.BPF_PROG_TYPE_XDP;
      const allowed = xdp ? 0 : BPF_F_INGRESS;
      if ((flagsLo & ~allowed) !== 0 || flagsHi !== 0) return xdp ? XDP_ABORTED : TC_ACT_SHOT;
      request('bpf_redirect', 'device', ifindex, flagsLo);
      return xdp ? XDP_REDIRECT : TC_ACT_REDIRECT;
    }),

    bpf_redirect_peer: plain((ifindex, _ifindexHi, flagsLo, flagsHi) => {
      if ((flagsLo | flagsHi) !== 0) return TC_ACT_SHOT;
      request('bpf_redirect_peer', 'peer', ifindex, 0);
      return TC_ACT_REDIRECT;
    }),

    // The next hop that may be given is not looked at: neighbours are not simulated.
    bpf_redirect_neigh: plain((ifindex, _ifindexHi, _params, length, flagsLo, flagsHi) => {
      const tooShort = length !== 0 && length >>> 0 < REDIR_NEIGH_BYTES;
      if (tooShort || (flagsLo | flagsHi) !== 0) return TC_ACT_SHOT;
      request('bpf_redirect_neigh', 'neighbour', ifindex, 0);
      return TC_ACT_REDIRECT;
    }),

    bpf_clone_redirect: plain((_context, ifindex, _ifindexHi, flagsLo, flagsHi) => {
      if ((flagsLo & ~BPF_F_INGRESS) !== 0 || flagsHi !== 0) return -Errno.EINVAL;
      const packet = needPacket(runtime, 'bpf_clone_redirect');
      return packet.cloneRedirect(ifindex >>> 0, flagsLo === BPF_F_INGRESS);
    }),
  };
};

function needPacket(runtime: HelperRuntime, helper: string): PacketPort {
  const packet = runtime.packet();
  if (packet === undefined) {
    const { name } = runtime.runningProgram();
    throw new HelperFault('helper-no-packet', `${helper} needs a packet; program '${name}' has none`);
  }
  return packet;
}
