// Sends one sample a system call to user space through a perf event array, to the buffer of the CPU it runs on.
#include "../include/kernel.h"

struct sample {
	__u64 time;
	__u32 pid;
	__u32 cpu;
	__s64 syscall;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} samples SEC(".maps");

// Keeps the type in BTF, so that user space can decode what it reads.
const struct sample *unused_sample __attribute__((unused));

SEC("tracepoint/raw_syscalls/sys_enter")
int sample_syscall(struct trace_event_raw_sys_enter *ctx)
{
	struct sample sample = {
		.time = bpf_ktime_get_ns(),
		.pid = bpf_get_current_pid_tgid() >> 32,
		.cpu = bpf_get_smp_processor_id(),
		.syscall = ctx->id,
	};

	bpf_get_current_comm(sample.comm, sizeof(sample.comm));
	bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU, &sample, sizeof(sample));
	return 0;
}

LICENSE("GPL");
