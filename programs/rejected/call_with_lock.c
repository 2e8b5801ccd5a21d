// While a lock is held others wait for it, so hardly anything may be called.
//
// Expected: function calls are not allowed while holding a lock
// What to do: ask for the time ahead of taking the lock.
#include "../include/kernel.h"

struct account {
	struct bpf_spin_lock lock;
	__u64 last_seen;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct account);
} accounts SEC(".maps");

SEC("xdp")
int call_with_lock(struct xdp_md *ctx)
{
	const __u32 key = 0;
	struct account *account = bpf_map_lookup_elem(&accounts, &key);

	if (!account)
		return XDP_PASS;
	bpf_spin_lock(&account->lock);
	account->last_seen = bpf_ktime_get_ns(); // <- here
	bpf_spin_unlock(&account->lock);
	return XDP_PASS;
}

LICENSE("Dual MIT/GPL");
