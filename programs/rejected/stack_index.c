// An array on the stack has eight elements, and the index can be any byte: the access could reach out of the stack.
//
// Expected: invalid variable-offset read from stack R2 var_off=(0x0; 0xff) off=-8 size=1
// What to do: limit the index to the array: i & 7, or a check.
#include "../include/kernel.h"

SEC("xdp")
int stack_index(struct xdp_md *ctx)
{
	volatile __u8 table[8] = { 0, 1, 2, 3, 5, 8, 13, 21 };
	const __u8 i = ctx->rx_queue_index;

	return table[i] > 4 ? XDP_DROP : XDP_PASS; // <- here
}

LICENSE("Dual MIT/GPL");
