// Maps of maps whose slots are filled in the file: counts system calls of even and odd process ids in two inner arrays.
#include "../include/kernel.h"

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
};

struct inner even SEC(".maps");
struct inner odd SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} by_parity SEC(".maps") = { .values = { &even, &odd } };

SEC("raw_tp/sys_enter")
int count_by_parity(struct bpf_raw_tracepoint_args *ctx)
{
	const __u32 parity = (bpf_get_current_pid_tgid() >> 32) & 1, zero = 0;
	void *map = bpf_map_lookup_elem(&by_parity, &parity);
	__u64 *count;

	if (!map)
		return 0;
	count = bpf_map_lookup_elem(map, &zero);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

LICENSE("GPL");
