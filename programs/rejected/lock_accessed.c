// The whole structure is cleared, and with it the lock in it, which only its helpers may touch.
//
// Expected: bpf_spin_lock cannot be accessed directly by load/store
// What to do: assign the other fields one by one.
#include "../include/kernel.h"

struct account {
	struct bpf_spin_lock lock;
	__u32 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct account);
} accounts SEC(".maps");

SEC("xdp")
int lock_accessed(struct xdp_md *ctx)
{
	const __u32 key = 0;
	struct account *account = bpf_map_lookup_elem(&accounts, &key);

	if (!account)
		return XDP_PASS;
	__builtin_memset(account, 0, sizeof(*account)); // <- here
	return XDP_PASS;
}

LICENSE("Dual MIT/GPL");
