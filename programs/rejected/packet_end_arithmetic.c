// The end of the packet is only there to be compared with. Nobody knows how far ahead of it the packet begins, so an address that is
// computed from it says nothing.
//
// Expected: R1 pointer arithmetic on pkt_end prohibited
// What to do: compute with the start: if (data + 1 > data_end) …, then data + length.
#include "../include/kernel.h"

SEC("xdp")
int packet_end_arithmetic(struct xdp_md *ctx)
{
	const __u8 *last = (void *)(long)ctx->data_end - 1; // <- here

	// Keeps the compiler from putting the -1 into the access.
	asm volatile("" : "+r"(last));
	return *last == 0 ? XDP_DROP : XDP_PASS;
}

LICENSE("Dual MIT/GPL");
