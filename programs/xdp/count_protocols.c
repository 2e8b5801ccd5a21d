// Counts packets by IP protocol number in a per-CPU array; what is neither IPv4 nor IPv6 goes to slot 255. Everything passes.
#include "../include/kernel.h"
#include "../include/packet.h"

#define NOT_IP 255

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} packets_by_protocol SEC(".maps");

static __always_inline __u32 protocol_of(void *data, void *data_end)
{
	const struct ethhdr *eth = data;

	if ((void *)(eth + 1) > data_end)
		return NOT_IP;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		const struct iphdr *ip = (void *)(eth + 1);

		return (void *)(ip + 1) > data_end ? NOT_IP : ip->protocol;
	}
	if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		const struct ipv6hdr *ip6 = (void *)(eth + 1);

		return (void *)(ip6 + 1) > data_end ? NOT_IP : ip6->nexthdr;
	}
	return NOT_IP;
}

SEC("xdp")
int count_protocols(struct xdp_md *ctx)
{
	const __u32 protocol = protocol_of((void *)(long)ctx->data, (void *)(long)ctx->data_end);
	__u64 *count = bpf_map_lookup_elem(&packets_by_protocol, &protocol);

	if (count)
		++*count;
	return XDP_PASS;
}

LICENSE("Dual MIT/GPL");
