// Counts each task's system calls in a value that hangs on the task, keeps their call stacks, and counts those of one cgroup apart.
#include "../include/kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 64);
	__uint(key_size, 4);
	__uint(value_size, 8 * 8);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
} watched SEC(".maps");

__s64 last_stack;
__u64 in_cgroup;

SEC("tp_btf/sys_enter")
int note_call(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 *count = bpf_task_storage_get(&calls, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (count)
		__sync_fetch_and_add(count, 1);
	last_stack = bpf_get_stackid(ctx, &stacks, 0);
	if (bpf_current_task_under_cgroup(&watched, 0) == 1)
		in_cgroup++;
	return 0;
}

LICENSE("GPL");
