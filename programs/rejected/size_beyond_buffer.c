// The check is there, but against another size than that of the buffer: 65 bytes do not go into 64.
//
// Expected: invalid indirect access to stack R1 off=-64 size=65
// What to do: compare with sizeof(text) itself.
#include "../include/kernel.h"

SEC("kprobe/vfs_write")
int size_beyond_buffer(struct pt_regs *ctx)
{
	char text[64];
	unsigned long length = ctx->dx;

	if (length > 65)
		return 0;
	bpf_probe_read_kernel(text, length, (void *)ctx->si); // <- here
	return 0;
}

LICENSE("Dual MIT/GPL");
