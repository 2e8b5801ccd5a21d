// CO-RE: reads pid and comm of the parent of the task that calls execve; the member offsets are relocated at load.
#include "../include/kernel.h"

int parent_pid;
char parent_comm[16];

#define READ(to, from) bpf_probe_read_kernel(&(to), sizeof(to), __builtin_preserve_access_index(&(from)))

SEC("kprobe/sys_execve")
int on_execve(struct pt_regs *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *parent;

	READ(parent, task->real_parent);
	READ(parent_pid, parent->tgid);
	READ(parent_comm, parent->comm);
	return 0;
}

LICENSE("GPL");
