// At each comparison that can go both ways, the verifier puts one side aside and goes on with the other. In a loop of a million rounds
// it has 8,192 of them aside before the first path has ended, and gives up.
//
// Expected: The sequence of 8193 jumps is too complex.
// What to do: bpf_loop, whose callback is walked once, or a mask in place of the branch.
#include "../include/kernel.h"

SEC("xdp")
int too_many_branches(struct xdp_md *ctx)
{
	__u32 sum = 0;

	for (int i = 0; i < 1000000; i++)
		sum += bpf_get_prandom_u32() & 1 ? i : -i; // <- here
	return sum & 1 ? XDP_DROP : XDP_PASS;
}

LICENSE("Dual MIT/GPL");
