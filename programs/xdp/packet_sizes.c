// Distributions of packet lengths: by powers of two in an array, byte by byte in a hash map, per device in global variables; and the
// latest lengths in a queue and a stack.
#include "../include/kernel.h"

#define BPF_MAP_TYPE_QUEUE 22
#define BPF_MAP_TYPE_STACK 23
#define MAX_SLOTS 16
#define DEVICES 2

HELPER(87, long, bpf_map_push_elem, void *map, const void *value, __u64 flags);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} size_hist SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} exact_size_dist_linear SEC(".maps");

// Counts like any others: nothing says that they are a distribution.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__type(value, __u32);
} latest SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 8);
	__type(value, __u32);
} history SEC(".maps");

struct device_hist {
	__u32 slots[MAX_SLOTS];
	__u32 packets;
};

struct device_hist devices[DEVICES];

static __always_inline __u32 log2_of(__u32 value)
{
	__u32 result = 0;

	for (int bit = 8; bit; bit >>= 1)
		if (value >> bit) {
			value >>= bit;
			result += bit;
		}
	return result;
}

SEC("xdp")
int count_size(struct xdp_md *ctx)
{
	__u32 size = ctx->data_end - ctx->data, one = 1, zero = 0;
	__u32 slot = log2_of(size & 0xffff);
	struct device_hist *device = &devices[ctx->rx_queue_index & (DEVICES - 1)];
	__u64 *count;
	__u32 *exact;

	count = bpf_map_lookup_elem(&size_hist, &slot);
	if (count)
		*count += 1;
	exact = bpf_map_lookup_elem(&exact_size_dist_linear, &size);
	if (exact)
		*exact += 1;
	else
		bpf_map_update_elem(&exact_size_dist_linear, &size, &one, BPF_ANY);
	count = bpf_map_lookup_elem(&totals, &zero);
	if (count)
		*count += size;
	bpf_map_push_elem(&latest, &size, BPF_EXIST);
	bpf_map_push_elem(&history, &size, BPF_EXIST);
	if (slot < MAX_SLOTS)
		device->slots[slot]++;
	device->packets++;
	return XDP_PASS;
}

LICENSE("GPL");
