// The address of an element is computed before the pointer was compared with NULL. NULL plus an offset is not NULL, so a check of the
// sum would not find a failed lookup; the verifier refuses the addition.
//
// Expected: R0 pointer arithmetic on map_value_or_null prohibited, null-check it first
// What to do: check what the lookup returned, then compute with it.
#include "../include/kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64[8]);
} histograms SEC(".maps");

SEC("xdp")
int null_arithmetic(struct xdp_md *ctx)
{
	const __u32 key = ctx->ingress_ifindex;
	void *histogram = bpf_map_lookup_elem(&histograms, &key);

	histogram += (ctx->rx_queue_index & 7) * 8; // <- here
	// Keeps the compiler from putting the check first, as it may.
	asm volatile("" : "+r"(histogram));
	if (!histogram)
		return XDP_PASS;
	*(__u64 *)histogram += 1;
	return XDP_PASS;
}

LICENSE("Dual MIT/GPL");
