// Programs of each type may read some fields of their context and write fewer: an XDP program cannot choose the queue of its packet.
//
// Expected: invalid bpf_context access off=16 size=4
// What to do: look up in the kernel's documentation which fields can be written; use a helper for the rest.
#include "../include/kernel.h"

SEC("xdp")
int bad_context_field(struct xdp_md *ctx)
{
	ctx->rx_queue_index = 0; // <- here
	return XDP_PASS;
}

LICENSE("Dual MIT/GPL");
