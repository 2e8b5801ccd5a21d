// Reports every openat() by name through a ring buffer; records of root are discarded after they were reserved.
#include "../include/kernel.h"

struct event {
	__u32 pid;
	__u32 uid;
	char comm[16];
	char file[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} events SEC(".maps");

const volatile _Bool skip_root;
__u64 dropped;
// Keeps the type in BTF, so that user space can decode what it reads.
const struct event *unused_event __attribute__((unused));

SEC("tracepoint/syscalls/sys_enter_openat")
int report_open(struct trace_event_raw_sys_enter *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&dropped, 1);
		return 0;
	}
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->uid = bpf_get_current_uid_gid();
	if (skip_root && event->uid == 0) {
		bpf_ringbuf_discard(event, 0);
		return 0;
	}
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_probe_read_user_str(event->file, sizeof(event->file), (const void *)ctx->args[1]);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

LICENSE("GPL");
