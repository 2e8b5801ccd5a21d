// What helpers cost: each program calls one of them 1,000 times and returns a sum of what it got. flow_hash reads a packet's addresses and
// ports, and has its verdict from them.
#include "../include/kernel.h"
#include "../include/packet.h"

#define ROUNDS 1000

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ROUNDS);
	__type(key, __u64);
	__type(value, __u64);
} by_long SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, ROUNDS);
	__type(key, __u32);
	__type(value, __u64);
} by_word_percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ROUNDS);
	__type(key, __u32);
	__type(value, __u64);
} recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ROUNDS / 2);
	__type(key, __u32);
	__type(value, __u64);
} by_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ROUNDS / 2);
	__type(key, __u32);
	__type(value, __u64);
} by_index_percpu SEC(".maps");

SEC("xdp")
int lookup_hash(struct xdp_md *ctx)
{
	__u64 sum = 0;

	for (__u64 i = 0; i < ROUNDS; i++) {
		const __u64 key = i;
		__u64 *value = bpf_map_lookup_elem(&by_long, &key);

		if (value)
			sum += *value;
	}
	return sum;
}

// The same for maps with keys of 32 bits, of whatever kind.
static __always_inline __u64 sum_of(void *map)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < ROUNDS; i++) {
		const __u32 key = i;
		__u64 *value = bpf_map_lookup_elem(map, &key);

		if (value)
			sum += *value;
	}
	return sum;
}

SEC("xdp")
int lookup_percpu_hash(struct xdp_md *ctx)
{
	return sum_of(&by_word_percpu);
}

SEC("xdp")
int lookup_lru_hash(struct xdp_md *ctx)
{
	return sum_of(&recent);
}

SEC("xdp")
int lookup_array(struct xdp_md *ctx)
{
	return sum_of(&by_index);
}

SEC("xdp")
int lookup_percpu_array(struct xdp_md *ctx)
{
	return sum_of(&by_index_percpu);
}

static long add_value(void *map, const __u32 *key, const __u64 *value, __u64 *sum)
{
	*sum += *key + *value;
	return 0;
}

SEC("xdp")
int walk_array(struct xdp_md *ctx)
{
	__u64 sum = 0;

	bpf_for_each_map_elem(&by_index, add_value, &sum, 0);
	bpf_for_each_map_elem(&by_index_percpu, add_value, &sum, 0);
	return sum;
}

static long add_index(__u32 index, __u64 *sum)
{
	*sum += index;
	return 0;
}

SEC("xdp")
int call_back(struct xdp_md *ctx)
{
	__u64 sum = 0;

	bpf_loop(ROUNDS, add_index, &sum, 0);
	return sum;
}

SEC("xdp")
int read_clock(struct xdp_md *ctx)
{
	__u64 sum = 0;

	for (int i = 0; i < ROUNDS; i++)
		sum += bpf_ktime_get_ns();
	return sum ^ (sum >> 32);
}

SEC("xdp")
int read_cpu(struct xdp_md *ctx)
{
	__u64 sum = 0;

	for (int i = 0; i < ROUNDS; i++)
		sum += bpf_get_smp_processor_id();
	return sum;
}

SEC("xdp")
int read_random(struct xdp_md *ctx)
{
	__u64 sum = 0;

	for (int i = 0; i < ROUNDS; i++)
		sum += bpf_get_prandom_u32();
	return sum;
}

SEC("xdp")
int flow_hash(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	const struct ethhdr *eth = data;
	const struct iphdr *ip = (void *)(eth + 1);
	const struct udphdr *ports = (void *)(ip + 1);
	__u64 hash;

	if ((void *)(ports + 1) > data_end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->version_ihl != 0x45)
		return XDP_PASS;
	if (ip->protocol != IPPROTO_UDP && ip->protocol != IPPROTO_TCP)
		return XDP_PASS;
	hash = (__u64)ip->saddr * 0x9e3779b1 ^ (__u64)ip->daddr * 0x85ebca6b;
	hash ^= (((__u64)ports->source << 16) | ports->dest) * 0xc2b2ae3d;
	hash += ip->protocol;
	hash ^= hash >> 29;
	return (hash * 0x27d4eb2f >> 32) & 1 ? XDP_DROP : XDP_TX;
}

LICENSE("Dual MIT/GPL");
