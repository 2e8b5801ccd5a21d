// The check covers the Ethernet header, the access goes on into the IP header.
//
// Expected: R1 offset is outside of the packet
// What to do: check the end of what is read: if ((void *)(ip + 1) > data_end) return XDP_PASS;
#include "../include/kernel.h"
#include "../include/packet.h"

SEC("xdp")
int packet_check_too_small(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	const struct ethhdr *eth = data;
	const struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(eth + 1) > data_end)
		return XDP_PASS;
	return ip->protocol == IPPROTO_UDP ? XDP_DROP : XDP_PASS; // <- here
}

LICENSE("Dual MIT/GPL");
