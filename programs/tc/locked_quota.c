// A byte quota for each mark, guarded by a bpf_spin_lock in the map value: packets beyond it are dropped.
#include "../include/kernel.h"

struct quota {
	struct bpf_spin_lock lock;
	__u32 dropped;
	__s64 bytes_left;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct quota);
} quotas SEC(".maps");

SEC("tc")
int spend_quota(struct __sk_buff *skb)
{
	const __u32 mark = skb->mark, length = skb->len;
	struct quota *quota = bpf_map_lookup_elem(&quotas, &mark);
	int verdict = TC_ACT_OK;

	if (!quota)
		return TC_ACT_OK;
	bpf_spin_lock(&quota->lock);
	if (quota->bytes_left >= length) {
		quota->bytes_left -= length;
	} else {
		quota->dropped++;
		verdict = TC_ACT_SHOT;
	}
	bpf_spin_unlock(&quota->lock);
	return verdict;
}

LICENSE("Dual MIT/GPL");
