// A lookup returns NULL when the map has no such key. The verifier knows no keys, so it takes the result of every lookup for a
// pointer that may be NULL until the program has compared it, even where the map is an array and the key its first.
//
// Expected: R0 invalid mem access 'map_value_or_null'
// What to do: if (!count) return XDP_PASS; right after the lookup.
#include "../include/kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} packets SEC(".maps");

SEC("xdp")
int missing_null_check(struct xdp_md *ctx)
{
	const __u32 key = 0;
	__u64 *count = bpf_map_lookup_elem(&packets, &key);

	*count += 1; // <- here
	return XDP_PASS;
}

LICENSE("Dual MIT/GPL");
