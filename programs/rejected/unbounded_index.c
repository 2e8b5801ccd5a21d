// A number from outside is used as an index with nothing that limits it.
//
// Expected: R0 unbounded memory access, make sure to bounds check any such access
// What to do: check it, if (queue >= 16) return XDP_PASS; or mask it, queue &= 15.
#include "../include/kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[16]);
} queues SEC(".maps");

SEC("xdp")
int unbounded_index(struct xdp_md *ctx)
{
	const __u32 key = 0, queue = ctx->rx_queue_index;
	__u64 *packets = bpf_map_lookup_elem(&queues, &key);

	if (!packets)
		return XDP_PASS;
	packets[queue] += 1; // <- here
	return XDP_PASS;
}

LICENSE("Dual MIT/GPL");
