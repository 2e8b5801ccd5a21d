/**
 * What programs of cgroups say of and ask about the event that they are asked about: its answer, and accesses to sysctls (kernel/bpf/cgroup.c).
 */
import { Errno } from '../base/errno.ts';
import { encodeUtf8 } from '../base/text.ts';
import { PAGE_BYTES } from '../spec/uapi.ts';
import { type FamilyMaker, plain, wideInt } from './implementation.ts';

const BPF_F_SYSCTL_BASE_NAME = 1;

/** What programs of cgroups ask about the event that they run for. */
export const cgroupRunHelpers: FamilyMaker = (runtime, result) => {
  const { memory } = runtime;

  /** Copies a sysctl's value with a terminating zero (copy_sysctl_value): its length, E2BIG when it was cut, EINVAL when there is none. */
  const copyValue = (buffer: number, size: number, value: Uint8Array): number => {
    const at = buffer >>> 0;
    const room = size >>> 0;
    if (at === 0) return -Errno.EINVAL;
    if (room === 0) return -Errno.E2BIG;
    memory.u8.fill(0, at, at + room);
    if (value.length === 0) return -Errno.EINVAL;
    memory.u8.set(value.subarray(0, room), at);
    if (room > value.length) return value.length;
    memory.u8[at + room - 1] = 0;
    return -Errno.E2BIG;
  };

  /** Copies a name as strscpy does: its length, or E2BIG when it was cut. */
  const copyName = (buffer: number, size: number, name: Uint8Array): number => {
    const at = buffer >>> 0;
    const room = size >>> 0;
    if (room === 0) return -Errno.E2BIG;
    const copied = Math.min(name.length, room - 1);
    memory.u8.set(name.subarray(0, copied), at);
    memory.u8[at + copied] = 0;
    return copied < name.length ? -Errno.E2BIG : copied;
  };

  return {
    bpf_get_retval: plain(() => wideInt(result, runtime.cgroupRun()?.retval ?? 0)),
    bpf_set_retval: plain((value) => {
      const run = runtime.cgroupRun();
      if (run !== undefined) run.retval = value;
      return wideInt(result, 0);
    }),
    bpf_sysctl_get_name: plain((_context, buffer, size, flags) => {
      const access = runtime.cgroupRun()?.sysctl;
      if (access === undefined || buffer === 0) return wideInt(result, -Errno.EINVAL);
      const whole = (flags & BPF_F_SYSCTL_BASE_NAME) === 0;
      const name = whole ? access.name : (access.name.split('/').at(-1) ?? '');
      return wideInt(result, copyName(buffer, size, encodeUtf8(name)));
    }),
    bpf_sysctl_get_current_value: plain((_context, buffer, size) => {
      const current = runtime.cgroupRun()?.sysctl?.current ?? new Uint8Array(0);
      return wideInt(result, copyValue(buffer, size, current));
    }),
    bpf_sysctl_get_new_value: plain((_context, buffer, size) => {
      const access = runtime.cgroupRun()?.sysctl;
      return wideInt(result, copyValue(buffer, size, access?.newValue ?? new Uint8Array(0)));
    }),
    bpf_sysctl_set_new_value: plain((_context, buffer, size) => {
      const access = runtime.cgroupRun()?.sysctl;
      const length = size >>> 0;
      if (access?.write !== true || access.newValue.length === 0 || buffer === 0 || length === 0)
        return wideInt(result, -Errno.EINVAL);
      if (length > PAGE_BYTES - 1) return wideInt(result, -Errno.E2BIG);
      access.newValue = memory.readBytes(buffer >>> 0, length);
      access.isReplaced = true;
      return wideInt(result, 0);
    }),
  };
};
