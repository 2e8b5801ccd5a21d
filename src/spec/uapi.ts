/**
 * Numbers of the kernel's interface that several folders need and that belong to no table: verdicts, flags, protocols, sizes. What one
 * file alone needs stands in that file. Sources: include/uapi/linux/bpf.h, in.h, if_ether.h.
 */

/** PAGE_SIZE of x86-64 as a power of two. */
export const PAGE_SHIFT = 12;
/** PAGE_SIZE of x86-64: bytes of a page of the simulated machine. */
export const PAGE_BYTES = 1 << PAGE_SHIFT;

/** enum sk_action: socket programs refuse. */
export const SK_DROP = 0;
/** enum sk_action: socket programs accept. */
export const SK_PASS = 1;
/** enum xdp_action: the program failed; helpers that redirect answer it when they refuse. */
export const XDP_ABORTED = 0;
/** enum xdp_action: the packet goes where a helper has said. */
export const XDP_REDIRECT = 4;

/** Redirects to the receiving side of a device or a socket. */
export const BPF_F_INGRESS = 1 << 0;
/** Redirects through a map of devices to all of them. */
export const BPF_F_BROADCAST = 1 << 3;
/** The same, but not to the device that the packet came from. */
export const BPF_F_EXCLUDE_INGRESS = 1 << 4;
/** Flag of bpf_sk_assign: the socket stands for itself, not for its group. */
export const BPF_SK_LOOKUP_F_NO_REUSEPORT = 1 << 1;
/** Flag of what is put into a ring buffer: its reader is not woken. */
export const BPF_RB_NO_WAKEUP = 1 << 0;
/** Flag of what is put into a ring buffer: its reader is woken in any case. */
export const BPF_RB_FORCE_WAKEUP = 1 << 1;

/** Flags of the helpers that take call stacks: how many frames are left out. */
export const BPF_F_SKIP_FIELD_MASK = 0xff;
/** The stack of user space. */
export const BPF_F_USER_STACK = 1 << 8;
/** Stacks with the same hash count as the same. */
export const BPF_F_FAST_STACK_CMP = 1 << 9;
/** A stack with another one's id takes its place. */
export const BPF_F_REUSE_STACKID = 1 << 10;
/** Frames are struct bpf_stack_build_id. */
export const BPF_F_USER_BUILD_ID = 1 << 11;
/** struct bpf_stack_build_id: a status, the build id of 20 bytes, and an offset in the file or, without one, the address. */
export const StackBuildId = { bytes: 32, ip: 24 } as const;
/** Its status when it holds the address. */
export const BPF_STACK_BUILD_ID_IP = 2;
/** Bytes of a command's name, the terminating zero included (include/linux/sched.h). */
export const TASK_COMM_LEN = 16;

/** Protocol number of TCP. */
export const IPPROTO_TCP = 6;
/** Protocol number of UDP. */
export const IPPROTO_UDP = 17;
/** Bytes of an Ethernet header. */
export const ETH_HLEN = 14;
/** Interface index of the loopback device (LOOPBACK_IFINDEX in include/net/flow.h). */
export const LOOPBACK_IFINDEX = 1;
/** Prefix of the struct that a struct_ops map has as its value (kernel/bpf/bpf_struct_ops.c). */
export const STRUCT_OPS_VALUE_PREFIX = 'bpf_struct_ops_';
