// To the verifier an address that comes out of memory, or a register of the traced task, is a number, and it refuses to follow numbers:
// at that address could be anything, or nothing.
//
// Expected: R1 invalid mem access 'scalar'
// What to do: bpf_probe_read_kernel(&pid, sizeof(pid), address), which fails instead of crashing.
#include "../include/kernel.h"

SEC("kprobe/do_exit")
int scalar_dereference(struct pt_regs *ctx)
{
	const int *address = (void *)ctx->di;

	return *address == 1; // <- here
}

LICENSE("Dual MIT/GPL");
