/**
 * The programs that device and CPU maps run on the packets they pass on: XDP programs that were loaded for that kind of map
 * (__dev_map_alloc_node in kernel/bpf/devmap.c, __cpu_map_load_bpf_program in cpumap.c).
 */
import { Errno } from '../../base/errno.ts';
import { BpfProgType } from '../../spec/index.ts';
import type { MapEnv } from '../map.ts';
import type { ProgRef } from '../ports.ts';
import { OwningKind } from './program-kind.ts';

/** Finds programs by descriptor and keeps those of a map alike. */
export class XdpPrograms {
  private readonly env: MapEnv;
  private readonly attachType: number;
  private readonly kind = new OwningKind();

  /** @param attachType BPF_XDP_DEVMAP or BPF_XDP_CPUMAP: what the programs expect to be attached to. */
  constructor(env: MapEnv, attachType: number) {
    this.env = env;
    this.attachType = attachType;
  }

  /** The program of a value's `fd`: undefined when that is 0 or below; -EINVAL when it is no program that fits here. */
  find(fd: number): ProgRef | number | undefined {
    if (fd <= 0) return undefined;
    const program = this.env.programByFd?.(fd);
    if (program === undefined || typeof program === 'number') return -Errno.EINVAL;
    const fits =
      program.type === BpfProgType.BPF_PROG_TYPE_XDP &&
      program.expectedAttachType === this.attachType &&
      this.kind.accepts(program);
    return fits ? program : -Errno.EINVAL;
  }
}
