/** Whether the kernel would create the maps of raw programs: they are created in a simulated one, and closed again. */
import { Errno, Kernel, SyscallError } from '../../index.ts';
import type { RawMap } from './raw-programs.ts';

/** Creates maps to see whether they can be. Their kernel is made when the first is asked for. */
export class MapTrials {
  private kernel: Kernel | undefined;

  /** 0, or the negative errno of BPF_MAP_CREATE. A map that only our memory is too small for counts as created. */
  errorOf(map: RawMap): number {
    this.kernel ??= new Kernel();
    try {
      const fd = this.kernel.bpf('BPF_MAP_CREATE', {
        map_type: map.type,
        key_size: map.keySize,
        value_size: map.valueSize,
        max_entries: map.maxEntries,
        map_flags: map.flags,
        map_name: 'm',
      });
      this.kernel.process.close(fd);
      return 0;
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      return error.errno === Errno.ENOMEM ? 0 : -error.errno;
    }
  }
}
