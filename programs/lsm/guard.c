// LSM programs: 0 lets a hook's event happen, a negative errno does not; the first that says no decides.
#include "../include/kernel.h"

#define EPERM 1
#define EACCES 13
#define AF_INET 2
#define AF_INET6 10

int guarded_pid;
int asked;

SEC("lsm/task_kill")
int guard_task(__u64 *ctx)
{
	struct task_struct *victim = (void *)ctx[0];

	asked++;
	return victim->pid == guarded_pid ? -EPERM : 0;
}

// As above, for every victim; it also sees what programs before it have answered, behind the hook's arguments.
int answer_before = 1;

SEC("lsm/task_kill")
int guard_all(__u64 *ctx)
{
	answer_before = ctx[4];
	return -EACCES;
}

int committed;

// A hook without a result.
SEC("lsm/bprm_committed_creds")
int count_exec(__u64 *ctx)
{
	committed++;
	return 0;
}

int opened;

// May sleep.
SEC("lsm.s/file_open")
int count_open(__u64 *ctx)
{
	opened++;
	return 0;
}

// For the sockets of a cgroup: 1 is yes, 0 is EPERM.
SEC("lsm_cgroup/socket_create")
int only_ipv4(__u64 *ctx)
{
	return ctx[0] == AF_INET;
}

// Says no in words of its own.
SEC("lsm_cgroup/socket_create")
int no_ipv6(__u64 *ctx)
{
	if (ctx[0] != AF_INET6)
		return 1;
	bpf_set_retval(-EACCES);
	return 0;
}

LICENSE("GPL");
