/**
 * What the two kinds of device maps share: the entry that a struct bpf_devmap_val stands for. Where entries are kept is the kinds'
 * (__dev_map_alloc_node in kernel/bpf/devmap.c).
 */
import { Errno } from '../../base/errno.ts';
import { BpfAttachType } from '../../spec/index.ts';
import { BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS } from '../../spec/uapi.ts';
import { MapFlag } from '../flags.ts';
import type { MapEnv } from '../map.ts';
import type { MapContext } from '../map-context.ts';
import { userWord } from '../values/copy.ts';
import { TARGET_VALUE_BYTES, type TargetEntry } from './target-array.ts';
import { XdpPrograms } from './xdp-programs.ts';

/** Programs may look values up but not write them: the kernel adds the flag itself. */
export function readonlyToPrograms(context: MapContext): MapContext {
  const { attr } = context;
  return { ...context, attr: { ...attr, flags: attr.flags | MapFlag.BPF_F_RDONLY_PROG } };
}

/** Makes entries of device maps. */
export class DeviceSlots {
  /** Flags of bpf_redirect_map beyond those of the return value. */
  static readonly knownFlags = BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS;
  private readonly env: MapEnv;
  private readonly programs: XdpPrograms;

  constructor(env: MapEnv) {
    this.env = env;
    this.programs = new XdpPrograms(env, BpfAttachType.BPF_XDP_DEVMAP);
  }

  /**
   * The entry for a value of 4 or 8 bytes: undefined for interface 0, -EINVAL for a device or program that does not exist or fit.
   * @param onGone Called when the device goes.
   */
  make(value: Uint8Array, onGone: () => void): TargetEntry | number | undefined {
    const ifindex = userWord(value, 0);
    const fd = value.length > 4 ? userWord(value, 4) | 0 : 0;
    if (ifindex === 0) return fd > 0 ? -Errno.EINVAL : undefined;
    const device = this.env.deviceByIndex?.(ifindex);
    if (device === undefined) return -Errno.EINVAL;
    const program = this.programs.find(fd);
    if (typeof program === 'number') return program;
    program?.hold();
    const stop = device.onEnd(onGone);
    const image = new Uint8Array(TARGET_VALUE_BYTES);
    const words = new DataView(image.buffer);
    words.setUint32(0, ifindex, true);
    words.setUint32(4, program?.id ?? 0, true);
    return {
      target: { kind: 'device', ifindex, program },
      image,
      dispose: () => {
        stop();
        program?.release();
      },
    };
  }
}
