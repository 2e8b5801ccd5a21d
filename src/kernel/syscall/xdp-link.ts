/** XDP links (bpf_xdp_link_attach and dev_xdp_attach in net/core/dev.c). Devices here run XDP in its generic mode. */
import { Errno } from '../../base/errno.ts';
import { BpfAttachType, BpfLinkType } from '../../spec/index.ts';
import type { KernelLink, LinkRules } from '../attach/hooks.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { Attributes } from './attributes.ts';
import type { SyscallContext } from './context.ts';
import { fail } from './failure.ts';

const XDP_FLAGS_SKB_MODE = 1 << 1;
const XDP_FLAGS_DRV_MODE = 1 << 2;
const XDP_FLAGS_HW_MODE = 1 << 3;
const MODES = XDP_FLAGS_SKB_MODE | XDP_FLAGS_DRV_MODE | XDP_FLAGS_HW_MODE;
/** BPF_LINK_CREATE of an XDP program (bpf_xdp_link_attach). */
export function xdpLink(
  sys: SyscallContext,
  attr: Attributes<'BPF_LINK_CREATE'>,
  program: LoadedProgram,
): KernelLink {
  const ifindex = attr.u32('target_ifindex');
  const device = sys.devices.byIndex(ifindex);
  if (device === undefined) fail(Errno.EINVAL, `there is no device ${ifindex}`);
  const flags = attr.u32('flags');
  if ((flags & ~MODES) !== 0) fail(Errno.EINVAL, 'flags of an XDP link say its mode');
  const modes = flags & MODES;
  if ((modes & (modes - 1)) !== 0) fail(Errno.EINVAL, 'a link has one mode');
  const hook = `xdp:${device.name}`;
  const taken = sys.hooks.at(hook).length > 0;
  if (taken && (modes & ~XDP_FLAGS_SKB_MODE) === 0)
    fail(Errno.EBUSY, `${device.name} has an XDP program already`);
  checkProgram(program);
  if ((modes & ~XDP_FLAGS_SKB_MODE) !== 0) fail(Errno.EOPNOTSUPP, `${device.name} has generic XDP only`);
  const link: KernelLink = sys.hooks.link(
    BpfLinkType.BPF_LINK_TYPE_XDP,
    sys.hooks.place(hook, program),
    RULES,
    () => ({ ifindex: link.isAttached ? ifindex : 0 }),
  );
  return link;
}

const RULES: LinkRules = {
  detachable: true,
  checkUpdate: (next, link, old) => {
    if (!link.isAttached) return -Errno.ENOLINK;
    const { program } = link;
    if (old !== undefined && old !== program) return -Errno.EPERM;
    const fits = next.type === program.type && next.expectedAttachType === program.expectedAttachType;
    return fits ? 0 : -Errno.EINVAL;
  },
};

/** Programs for device and CPU maps attach to these only. */
function checkProgram({ expectedAttachType }: LoadedProgram): void {
  if (
    expectedAttachType === BpfAttachType.BPF_XDP_DEVMAP ||
    expectedAttachType === BpfAttachType.BPF_XDP_CPUMAP
  )
    fail(Errno.EINVAL, 'the program is for maps of devices or CPUs');
}
