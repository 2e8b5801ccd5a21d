// The kernel structures that the programs of this folder look into: contexts (stable layout, include/uapi/linux/bpf.h)
// and kernel types of which only the members used here are declared (their real offsets come from CO-RE).
#pragma once
#include "bpf.h"

struct xdp_md {
	__u32 data;
	__u32 data_end;
	__u32 data_meta;
	__u32 ingress_ifindex;
	__u32 rx_queue_index;
	__u32 egress_ifindex;
};

struct __sk_buff {
	__u32 len;
	__u32 pkt_type;
	__u32 mark;
	__u32 queue_mapping;
	__u32 protocol;
	__u32 vlan_present;
	__u32 vlan_tci;
	__u32 vlan_proto;
	__u32 priority;
	__u32 ingress_ifindex;
	__u32 ifindex;
	__u32 tc_index;
	__u32 cb[5];
	__u32 hash;
	__u32 tc_classid;
	__u32 data;
	__u32 data_end;
};

// x86-64 registers as a kprobe program sees them (arch/x86/include/asm/ptrace.h).
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

// Record of the sys_enter_* tracepoints.
struct trace_event_raw_sys_enter {
	__u64 header;
	long id;
	unsigned long args[6];
};

struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct task_struct *real_parent;
} __attribute__((preserve_access_index));
