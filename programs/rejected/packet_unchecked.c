// A packet may be shorter than the header that the program reads: nothing on this path compares with data_end.
//
// Expected: R1 offset is outside of the packet
// What to do: if ((void *)(eth + 1) > data_end) return XDP_PASS; ahead of the access.
#include "../include/kernel.h"
#include "../include/packet.h"

SEC("xdp")
int packet_unchecked(struct xdp_md *ctx)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;

	if (eth->h_proto == bpf_htons(ETH_P_IP)) // <- here
		return XDP_DROP;
	return XDP_PASS;
}

LICENSE("Dual MIT/GPL");
