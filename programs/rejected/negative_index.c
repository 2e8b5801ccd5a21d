// A signed index is checked at its upper end only; below zero it reaches memory ahead of the value.
//
// Expected: R0 min value is negative, either use unsigned index or do a if (index >=0) check.
// What to do: use an unsigned type, or check both ends.
#include "../include/kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8[16]);
} levels SEC(".maps");

SEC("tc")
int negative_index(struct __sk_buff *skb)
{
	const __u32 key = 0;
	const long level = (signed char)skb->priority;
	__u8 *packets = bpf_map_lookup_elem(&levels, &key);

	if (!packets)
		return TC_ACT_OK;
	if (level < 16)
		packets[level] += 1; // <- here
	return TC_ACT_OK;
}

LICENSE("Dual MIT/GPL");
