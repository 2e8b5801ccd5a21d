/** Kernel options that programs commonly ask for, with the values of the reference kernel: Linux 6.12 on x86-64. */
import type { KconfigValue } from '../loader/index.ts';

export const DEFAULT_KCONFIG: Readonly<Record<string, KconfigValue>> = {
  CONFIG_BPF: true,
  CONFIG_BPF_JIT: true,
  CONFIG_BPF_SYSCALL: true,
  CONFIG_DEBUG_INFO_BTF: true,
  CONFIG_HZ: 250,
  CONFIG_NET: true,
  CONFIG_X86_64: true,
};
