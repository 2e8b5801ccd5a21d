/**
 * bpf_redirect_map: XDP packets to what a device, CPU or AF_XDP map holds (__bpf_xdp_redirect_map in include/linux/filter.h). The request counts
 * when the program returns what the helper returned.
 */
import { BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS, XDP_ABORTED, XDP_REDIRECT } from '../spec/uapi.ts';
import { HelperFault } from './fault.ts';
import { type FamilyMaker, plain } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';

/** The low bits of the flags: what to return when the slot is empty. */
const ACTION_MASK = 3;

/** bpf_redirect_map. */
export const redirectMapHelpers: FamilyMaker = (runtime) => ({
  bpf_redirect_map: plain((address, key, _keyHi, flagsLo, flagsHi) => {
    const map = needMap(runtime, 'bpf_redirect_map', address);
    const { targets } = map;
    if (targets === undefined) throw unsupported(map, 'bpf_redirect_map');
    if ((flagsLo & ~(ACTION_MASK | targets.knownFlags)) !== 0 || flagsHi !== 0) return XDP_ABORTED;
    const packet = runtime.packet();
    if (packet === undefined) {
      const { name } = runtime.runningProgram();
      throw new HelperFault(
        'helper-no-packet',
        `bpf_redirect_map needs a packet; program '${name}' has none`,
      );
    }
    if ((flagsLo & BPF_F_BROADCAST) !== 0) {
      const excludesIngress = (flagsLo & BPF_F_EXCLUDE_INGRESS) !== 0;
      packet.redirect({
        how: 'map',
        ifindex: 0,
        flags: flagsLo,
        targets: targets.allTargets(),
        excludesIngress,
      });
      return XDP_REDIRECT;
    }
    const target = targets.targetAt(key >>> 0);
    if (target === undefined) return flagsLo & ACTION_MASK;
    const ifindex = target.kind === 'device' ? target.ifindex : 0;
    packet.redirect({ how: 'map', ifindex, flags: 0, targets: [target], excludesIngress: false });
    return XDP_REDIRECT;
  }),
});
