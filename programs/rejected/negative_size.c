// A length from outside is checked at its upper end only. Negative, it would be an enormous size.
//
// Expected: R2 min value is negative, either use unsigned or 'var &= const'
// What to do: use an unsigned type: unsigned int length.
#include "../include/kernel.h"

SEC("kprobe/vfs_write")
int negative_size(struct pt_regs *ctx)
{
	char text[64];
	int length = (int)ctx->dx;

	if (length > (int)sizeof(text))
		return 0;
	bpf_probe_read_kernel(text, length, (void *)ctx->si); // <- here
	return 0;
}

LICENSE("Dual MIT/GPL");
