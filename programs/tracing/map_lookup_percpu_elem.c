// Sums one element of three per-CPU maps over all CPUs when the process `my_pid` calls getuid(). The interface (maps,
// variables, section, function) is that of the kernel selftest of the same name.
#include "../include/kernel.h"

const volatile int my_pid;
const volatile int nr_cpus;

__u64 percpu_array_elem_sum;
__u64 percpu_hash_elem_sum;
__u64 percpu_lru_hash_elem_sum;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} percpu_array_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u64);
} percpu_hash_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u64);
} percpu_lru_hash_map SEC(".maps");

struct sum_over_cpus {
	void *map;
	__u64 total;
};

// bpf_loop calls this once for each CPU.
static int add_element_of_cpu(__u32 cpu, struct sum_over_cpus *sum)
{
	const __u64 key = 0;
	const __u64 *element = bpf_map_lookup_percpu_elem(sum->map, &key, cpu);

	if (element)
		sum->total += *element;
	return 0;
}

static __always_inline __u64 sum_elements(void *map)
{
	struct sum_over_cpus sum = { .map = map };

	bpf_loop(nr_cpus, add_element_of_cpu, &sum, 0);
	return sum.total;
}

SEC("tp/syscalls/sys_enter_getuid")
int sysenter_getuid(const void *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 != my_pid)
		return 0;
	percpu_array_elem_sum = sum_elements(&percpu_array_map);
	percpu_hash_elem_sum = sum_elements(&percpu_hash_map);
	percpu_lru_hash_elem_sum = sum_elements(&percpu_lru_hash_map);
	return 0;
}

LICENSE("GPL");
