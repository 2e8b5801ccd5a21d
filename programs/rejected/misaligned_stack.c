// On the stack an access of n bytes must be at a multiple of n; this reads four bytes at an odd place.
//
// Expected: misaligned stack access off 0+-8+1 size 4
// What to do: __builtin_memcpy(&number, &bytes[1], 4), which the compiler makes byte by byte where it must.
#include "../include/kernel.h"

SEC("xdp")
int misaligned_stack(struct xdp_md *ctx)
{
	__u8 bytes[8] __attribute__((aligned(8))) = { 0, 1, 2, 3, 4, 5, 6, ctx->rx_queue_index };
	const __u8 *at = bytes;

	// Hides from the compiler where this points to.
	asm volatile("" : "+r"(at) : : "memory");
	return *(const __u32 *)(at + 1) == 7 ? XDP_DROP : XDP_PASS; // <- here
}

LICENSE("Dual MIT/GPL");
