// Counts calls of sys_clone in a map of the old kind: a struct bpf_map_def in the section "maps", without BTF. The
// element carries a bpf_spin_lock for user space and networking programs; the kernel lets no kprobe take it, so the
// counter is advanced atomically.
#include "../include/kernel.h"

struct bpf_map_def {
	__u32 type;
	__u32 key_size;
	__u32 value_size;
	__u32 max_entries;
	__u32 map_flags;
};

struct clone_count {
	__u64 count;
	struct bpf_spin_lock lock;
};

struct bpf_map_def SEC("maps") clone_counts = {
	.type = BPF_MAP_TYPE_ARRAY,
	.key_size = sizeof(__u32),
	.value_size = sizeof(struct clone_count),
	.max_entries = 1,
};

SEC("kprobe/sys_clone")
int count_clone(struct pt_regs *ctx)
{
	const __u32 key = 0;
	struct clone_count *element = bpf_map_lookup_elem(&clone_counts, &key);

	if (!element)
		return 0;
	bpf_printk("sys_clone called %llu times", __sync_fetch_and_add(&element->count, 1) + 1);
	return 0;
}

LICENSE("GPL");
