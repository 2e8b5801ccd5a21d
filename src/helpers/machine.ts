/**
 * The machine and the current task: CPU, node, random numbers, ids, name, cgroups (kernel/bpf/helpers.c, kernel/bpf/core.c,
 * kernel/trace/bpf_trace.c).
 */
import { encodeUtf8 } from '../base/text.ts';
import { TASK_COMM_LEN } from '../spec/uapi.ts';
import { type FamilyMaker, plain, wideU32, word } from './implementation.ts';

/** Which machine, and who runs on it. */
export const machineHelpers: FamilyMaker = (runtime, result) => {
  const { memory } = runtime;

  /** A cgroup id as halves. */
  const cgroupId = (id: number): number => {
    result.high = Math.floor(id / 0x1_0000_0000) | 0;
    return id | 0;
  };

  // Programs ask for the same name again and again: its bytes are made once.
  let name = '';
  let nameBytes: Uint8Array = new Uint8Array();
  const bytesOf = (comm: string): Uint8Array => {
    if (comm !== name) {
      name = comm;
      nameBytes = encodeUtf8(comm).subarray(0, TASK_COMM_LEN - 1);
    }
    return nameBytes;
  };

  return {
    bpf_get_smp_processor_id: plain(() => runtime.currentCpu(), word(runtime.words?.cpu, 4)),
    bpf_get_numa_node_id: plain(() => runtime.numaNode()),
    bpf_get_prandom_u32: plain(() => wideU32(result, runtime.random())),

    bpf_get_current_pid_tgid: plain(
      () => {
        const task = runtime.currentTask();
        result.high = task.tgid;
        return task.pid;
      },
      word(runtime.words?.pidTgid, 8),
    ),
    bpf_get_current_uid_gid: plain(() => {
      const task = runtime.currentTask();
      result.high = task.gid | 0;
      return task.uid | 0;
    }),
    bpf_get_current_task: plain(
      () => wideU32(result, runtime.currentTask().address),
      word(runtime.words?.task, 4),
    ),
    bpf_get_current_task_btf: plain(() => runtime.currentTask().address | 0, word(runtime.words?.task, 4)),
    // Always terminated and padded with zeros, as strscpy_pad does.
    bpf_get_current_comm: plain((buffer, size) => {
      const length = size >>> 0;
      const { u8 } = memory;
      const at = buffer >>> 0;
      u8.fill(0, at, at + length);
      const comm = bytesOf(runtime.currentTask().comm);
      const copied = Math.min(comm.length, length - 1);
      for (let i = 0; i < copied; i++) u8[at + i] = comm[i]!;
      return 0;
    }),

    bpf_get_current_cgroup_id: plain(() => cgroupId(runtime.cgroupPath().at(-1) ?? 0)),
    // Levels count from the root, 0; there is none below the task's own.
    bpf_get_current_ancestor_cgroup_id: plain((level) => cgroupId(runtime.cgroupPath()[level] ?? 0)),
  };
};
