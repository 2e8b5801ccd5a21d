// All functions of a chain of calls share 512 bytes of stack; these two take 304 each.
//
// Expected: combined stack size of 2 calls is 608. Too large
// What to do: put a buffer into a map (a per-CPU array with one element), or let the first function be done before the second is called.
#include "../include/kernel.h"

static __noinline int inner(const __u8 *key)
{
	volatile __u8 buffer[300];

	for (int i = 0; i < 300; i++)
		buffer[i] = key[0];
	return buffer[key[1] & 127];
}

SEC("xdp")
int stack_too_deep(struct xdp_md *ctx)
{
	volatile __u8 buffer[300];
	const __u8 key[2] = { ctx->rx_queue_index, ctx->ingress_ifindex };

	for (int i = 0; i < 300; i++)
		buffer[i] = 1;
	return inner(key) == buffer[key[1] & 127] ? XDP_DROP : XDP_PASS;
}

LICENSE("Dual MIT/GPL");
