// bpf_xdp_adjust_head may move the packet to another place, so after it all pointers into the packet are only numbers.
//
// Expected: R7 invalid mem access 'scalar'
// What to do: read data and data_end again after the call, and check again.
#include "../include/kernel.h"

HELPER(44, long, bpf_xdp_adjust_head, struct xdp_md *ctx, int delta);

SEC("xdp")
int stale_packet_pointer(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;

	if ((void *)(data + 1) > data_end)
		return XDP_PASS;
	if (bpf_xdp_adjust_head(ctx, -4))
		return XDP_PASS;
	*data = 0; // <- here
	return XDP_TX;
}

LICENSE("Dual MIT/GPL");
