// Calls leave nothing in r1 to r5. Compilers know and keep values elsewhere; here, assembly looks for the context where it was.
//
// Expected: R1 !read_ok
// What to do: keep what is needed across calls in r6 to r9, or on the stack.
#include "../include/kernel.h"

SEC("xdp")
int lost_across_call(struct xdp_md *ctx)
{
	__u32 queue;

	asm volatile("r1 = %1;" // <- here
		     "call 7;" // bpf_get_prandom_u32
		     "%0 = *(u32 *)(r1 + 16);"
		     : "=r"(queue) : "r"(ctx) : "r0", "r1");
	return queue ? XDP_DROP : XDP_PASS;
}

LICENSE("Dual MIT/GPL");
