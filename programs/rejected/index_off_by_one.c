// The array has 16 elements, 0 to 15, and the check lets 16 pass. The verifier multiplies: index 16 lies at byte 128 of 128.
//
// Expected: R0 max value is outside of the allowed memory range
// What to do: if (queue >= 16) return XDP_PASS;
#include "../include/kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[16]);
} queues SEC(".maps");

SEC("xdp")
int index_off_by_one(struct xdp_md *ctx)
{
	const __u32 key = 0, queue = ctx->rx_queue_index;
	__u64 *packets = bpf_map_lookup_elem(&queues, &key);

	if (!packets)
		return XDP_PASS;
	if (queue > 16)
		return XDP_PASS;
	packets[queue] += 1; // <- here
	return XDP_PASS;
}

LICENSE("Dual MIT/GPL");
