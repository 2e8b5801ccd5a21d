/**
 * Events of tasks in a cgroup: accesses to sysctls and to devices (__cgroup_bpf_run_filter_sysctl, __cgroup_bpf_check_dev_permission in
 * kernel/bpf/cgroup.c).
 */
import { encodeUtf8 } from '../../base/text.ts';
import { BpfAttachType as A } from '../../spec/index.ts';
import { PAGE_BYTES } from '../../spec/uapi.ts';
import type { Cgroup } from '../objects/cgroups.ts';
import type { CgroupAnswer, CgroupRunner } from './run.ts';

/** Offset of file_pos in struct bpf_sysctl, and its bytes. */
const SYSCTL_POSITION = 4;
const SYSCTL_BYTES = 8;
/** Bytes of struct bpf_cgroup_dev_ctx: type and access, major, minor. */
const DEVICE_BYTES = 12;

/** An access to a sysctl. */
export interface SysctlEvent {
  /** From /proc/sys on: `net/ipv4/tcp_mem`. */
  readonly name: string;
  /** What it is now, as it reads. */
  readonly current: string;
  /** What is written to it; left out, it is read. */
  readonly write?: string;
  /** Where in the file; 0 by default. */
  readonly position?: number;
}

/** What programs said of an access to a knob of /proc/sys. */
export interface SysctlAnswer extends CgroupAnswer {
  /** What is written, as programs left it; undefined for reads. */
  readonly write?: Uint8Array;
  readonly position: number;
}

/** Runs the programs of a task's cgroup for an access to a sysctl. */
export function runSysctlEvent(runner: CgroupRunner, cgroup: Cgroup, event: SysctlEvent): SysctlAnswer {
  const { memory } = runner.machine;
  const context = memory.allocate({ size: SYSCTL_BYTES, kind: 'ctx', name: 'bpf_sysctl' });
  const sysctl = {
    name: event.name,
    write: event.write !== undefined,
    current: encodeUtf8(event.current).subarray(0, PAGE_BYTES),
    newValue: encodeUtf8(event.write ?? '').subarray(0, PAGE_BYTES),
    isReplaced: false,
  };
  try {
    memory.view.setUint32(context, sysctl.write ? 1 : 0, true);
    memory.view.setUint32(context + SYSCTL_POSITION, event.position ?? 0, true);
    const answer = runner.run({ cgroup, attachType: A.BPF_CGROUP_SYSCTL, context, sysctl });
    const position = memory.view.getUint32(context + SYSCTL_POSITION, true);
    if (event.write === undefined) return { ...answer, position };
    const replaced = answer.retval === 0 && sysctl.isReplaced;
    return { ...answer, position, write: replaced ? sysctl.newValue : encodeUtf8(event.write) };
  } finally {
    memory.free(context);
  }
}

/** Kinds of devices and of accesses by their numbers (include/uapi/linux/bpf.h, BPF_DEVCG_*). */
const DEVICE_KINDS = { block: 1, char: 2 } as const;
const ACCESSES = { mknod: 1, read: 2, write: 4 } as const;

/** An access to a device file. */
export interface DeviceEvent {
  readonly kind: keyof typeof DEVICE_KINDS;
  readonly major: number;
  readonly minor: number;
  readonly access: readonly (keyof typeof ACCESSES)[];
}

/** Runs the programs of a task's cgroup for an access to a device file. */
export function runDeviceEvent(runner: CgroupRunner, cgroup: Cgroup, event: DeviceEvent): CgroupAnswer {
  const { memory } = runner.machine;
  const context = memory.allocate({ size: DEVICE_BYTES, kind: 'ctx', name: 'bpf_cgroup_dev_ctx' });
  try {
    const access = event.access.reduce((bits, name) => bits | ACCESSES[name], 0);
    [(access << 16) | DEVICE_KINDS[event.kind], event.major, event.minor].forEach((word, i) => {
      memory.view.setUint32(context + 4 * i, word, true);
    });
    return runner.run({ cgroup, attachType: A.BPF_CGROUP_DEVICE, context });
  } finally {
    memory.free(context);
  }
}
