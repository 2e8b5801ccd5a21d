// bpf_for_each_map_elem, static and global subprograms: on every getpid() sums the values of a hash map and deletes those
// that reached zero.
#include "../include/kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 128);
	__type(key, __u32);
	__type(value, __s64);
} balances SEC(".maps");

struct walk {
	__s64 total;
	__u32 deleted;
};

__s64 total;
__u32 deleted;

// A global subprogram: the verifier looks at it by itself, from its BTF signature.
__noinline int is_spent(__s64 balance)
{
	return balance == 0;
}

static long visit(void *map, const __u32 *key, const __s64 *balance, struct walk *walk)
{
	walk->total += *balance;
	if (is_spent(*balance)) {
		bpf_map_delete_elem(map, key);
		walk->deleted++;
	}
	return 0;
}

SEC("raw_tp/sys_enter")
int walk_balances(struct bpf_raw_tracepoint_args *ctx)
{
	struct walk walk = {};

	bpf_for_each_map_elem(&balances, visit, &walk, 0);
	total = walk.total;
	deleted = walk.deleted;
	return 0;
}

LICENSE("GPL");
