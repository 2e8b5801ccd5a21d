// Some helpers belong so much to the inside of the kernel that they are for GPL-compatible programs only.
//
// Expected: cannot call GPL-restricted function from non-GPL compatible program
// What to do: LICENSE("GPL") or "Dual MIT/GPL", if that is the licence; do without the helper if not.
#include "../include/kernel.h"

SEC("kprobe/do_exit")
int gpl_only(struct pt_regs *ctx)
{
	int pid = 0;

	bpf_probe_read_kernel(&pid, sizeof(pid), (void *)ctx->di); // <- here
	return pid == 1;
}

LICENSE("Proprietary");
