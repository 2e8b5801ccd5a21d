// A parser in stages that tail-call each other through a prog array whose slots are filled in the file: Ethernet, then IPv4,
// then UDP. Drops UDP packets to `blocked_port` and counts how far each packet came.
#include "../include/kernel.h"
#include "../include/packet.h"

enum stage { STAGE_ETHERNET, STAGE_IPV4, STAGE_UDP, STAGES };

const volatile __u16 blocked_port = 9;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STAGES);
	__type(key, __u32);
	__type(value, __u64);
} reached SEC(".maps");

int parse_ipv4(struct xdp_md *ctx);
int parse_udp(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, STAGES);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} stages SEC(".maps") = {
	.values = { [STAGE_IPV4] = (void *)&parse_ipv4, [STAGE_UDP] = (void *)&parse_udp },
};

static __always_inline void count_stage(__u32 stage)
{
	__u64 *count = bpf_map_lookup_elem(&reached, &stage);

	if (count)
		__sync_fetch_and_add(count, 1);
}

SEC("xdp")
int parse_ethernet(struct xdp_md *ctx)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;

	count_stage(STAGE_ETHERNET);
	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		bpf_tail_call(ctx, &stages, STAGE_IPV4);
	return XDP_PASS;
}

SEC("xdp")
int parse_ipv4(struct xdp_md *ctx)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	const struct iphdr *ip = (void *)(eth + 1);

	count_stage(STAGE_IPV4);
	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	if (ip->protocol == IPPROTO_UDP && (ip->version_ihl & 15) == 5)
		bpf_tail_call(ctx, &stages, STAGE_UDP);
	return XDP_PASS;
}

SEC("xdp")
int parse_udp(struct xdp_md *ctx)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	const struct iphdr *ip = (void *)(eth + 1);
	const struct udphdr *udp = (void *)(ip + 1);

	count_stage(STAGE_UDP);
	if ((void *)(udp + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	return bpf_ntohs(udp->dest) == blocked_port ? XDP_DROP : XDP_PASS;
}

LICENSE("GPL");
