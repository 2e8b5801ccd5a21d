// Text: bpf_snprintf, bpf_strtol, bpf_strncmp, and bpf_trace_vprintk with more than three values.
#include "../include/kernel.h"

const volatile char number[16] = "-42";
const volatile char wanted[16] = "bash";
long parsed;
int compared;
char line[64];

SEC("tp/syscalls/sys_enter_getppid")
int write_text(struct trace_event_raw_sys_enter *ctx)
{
	static const char format[] = "%s[%d] on cpu %u: %lld";
	static const char traced[] = "uid %u gid %u cpu %u pid %d";
	const __u64 ids = bpf_get_current_uid_gid();
	const __u64 pid = bpf_get_current_pid_tgid() >> 32;
	char comm[16];
	__u64 values[4];

	bpf_get_current_comm(comm, sizeof(comm));
	compared = bpf_strncmp(comm, sizeof(comm), (const char *)wanted);
	bpf_strtol((const char *)number, sizeof(number), 10, &parsed);

	values[0] = (__u64)comm;
	values[1] = pid;
	values[2] = bpf_get_smp_processor_id();
	values[3] = parsed;
	bpf_snprintf(line, sizeof(line), format, values, sizeof(values));

	values[0] = (__u32)ids;
	values[1] = ids >> 32;
	values[2] = bpf_get_smp_processor_id();
	values[3] = pid;
	bpf_trace_vprintk(traced, sizeof(traced), values, sizeof(values));
	return 0;
}

LICENSE("GPL");
