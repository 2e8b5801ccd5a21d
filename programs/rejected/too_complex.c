// Every round of a loop is walked by itself, and the verifier looks at a million instructions at most, all paths together: this short
// program would need more.
//
// Expected: BPF program is too large. Processed 1000001 insn
// What to do: bpf_loop, whose callback is walked once, or fewer rounds.
#include "../include/kernel.h"

SEC("xdp")
int too_complex(struct xdp_md *ctx)
{
	__u32 sum = 0;

	for (int i = 0; i < 1000000; i++) // <- here
		sum += bpf_get_prandom_u32() & 1;
	return sum & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE("Dual MIT/GPL");
