// A packet arrives in the middle of whatever the CPU was doing: there is no task that it belongs to, so XDP programs cannot ask for one.
//
// Expected: program of this type cannot use helper bpf_get_current_comm#16
// What to do: trace the task where it sends or receives (a kprobe or fentry program) and share what is found in a map.
#include "../include/kernel.h"

SEC("xdp")
int helper_not_allowed(struct xdp_md *ctx)
{
	char comm[16];

	bpf_get_current_comm(comm, sizeof(comm)); // <- here
	return comm[0] == 'x' ? XDP_DROP : XDP_PASS;
}

LICENSE("Dual MIT/GPL");
