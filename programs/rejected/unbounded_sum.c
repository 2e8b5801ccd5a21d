// A signed index is checked at its upper end only. Multiplied by the size of an element, it could be so far below zero that a pointer plus
// it would wrap around, so the verifier refuses the sum already.
//
// Expected: math between map_value pointer and register with unbounded min value is not allowed
// What to do: use an unsigned type, or check both ends.
#include "../include/kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[16]);
} levels SEC(".maps");

SEC("tc")
int unbounded_sum(struct __sk_buff *skb)
{
	const __u32 key = 0;
	const long level = (int)skb->priority;
	__u64 *packets = bpf_map_lookup_elem(&levels, &key);

	if (!packets)
		return TC_ACT_OK;
	if (level < 16)
		packets[level] += 1; // <- here
	return TC_ACT_OK;
}

LICENSE("Dual MIT/GPL");
