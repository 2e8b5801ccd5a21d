// The length of the IP header comes from the packet. The sum of a pointer and a variable is a new pointer: what was proven of the old one
// does not hold for it.
//
// Expected: R1 offset is outside of the packet
// What to do: compare the end of what the new pointer is used for: if ((void *)(udp + 1) > data_end) return XDP_PASS;
#include "../include/kernel.h"
#include "../include/packet.h"

SEC("xdp")
int packet_variable_offset(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	const struct iphdr *ip = data + sizeof(struct ethhdr);
	const struct udphdr *udp;

	if ((void *)(ip + 1) + sizeof(*udp) > data_end)
		return XDP_PASS;
	udp = (void *)ip + (ip->version_ihl & 15) * 4;
	return udp->dest == bpf_htons(53) ? XDP_DROP : XDP_PASS; // <- here
}

LICENSE("Dual MIT/GPL");
