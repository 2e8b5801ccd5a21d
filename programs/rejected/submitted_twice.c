// Once a record is submitted it belongs to the reader; the pointer is only a number from then on.
//
// Expected: R1 type=scalar expected=ringbuf_mem
// What to do: submit or discard once; make the paths that do either apart from each other.
#include "../include/kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("kprobe/do_exit")
int submitted_twice(struct pt_regs *ctx)
{
	__u64 *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	*event = bpf_get_current_pid_tgid();
	bpf_ringbuf_submit(event, 0);
	bpf_ringbuf_discard(event, 0); // <- here
	return 0;
}

LICENSE("Dual MIT/GPL");
