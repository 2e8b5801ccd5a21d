// The path that leaves early keeps the lock: everybody else who wants it would wait forever.
//
// Expected: bpf_spin_unlock is missing
// What to do: bpf_spin_unlock on every path; or take the lock later.
#include "../include/kernel.h"

struct account {
	struct bpf_spin_lock lock;
	__u32 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct account);
} accounts SEC(".maps");

SEC("xdp")
int lock_not_released(struct xdp_md *ctx)
{
	const __u32 key = 0;
	struct account *account = bpf_map_lookup_elem(&accounts, &key);

	if (!account)
		return XDP_PASS;
	bpf_spin_lock(&account->lock);
	if (account->packets == 1000)
		return XDP_DROP;
	account->packets++;
	bpf_spin_unlock(&account->lock);
	return XDP_PASS;
} // <- here

LICENSE("Dual MIT/GPL");
