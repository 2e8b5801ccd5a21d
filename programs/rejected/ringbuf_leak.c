// A reserved record must be submitted or discarded on every path; the path that leaves early forgets it, and the ring buffer would stand
// still for all others.
//
// Expected: Unreleased reference id=2 alloc_insn=4
// What to do: bpf_ringbuf_discard(event, 0); ahead of the early return.
#include "../include/kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("kprobe/do_exit")
int ringbuf_leak(struct pt_regs *ctx)
{
	__u64 *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	*event = bpf_get_current_pid_tgid();
	if (*event == 0)
		return 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
} // <- here

LICENSE("Dual MIT/GPL");
