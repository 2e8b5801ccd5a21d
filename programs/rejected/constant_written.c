// Constants lie in a map that is frozen before the program is loaded. The cast hides that from the compiler, not from the verifier.
//
// Expected: write into map forbidden, value_size=4 off=0 size=4
// What to do: leave out the const: the variable then lies in .data or .bss.
#include "../include/kernel.h"

static const volatile __u32 limit = 100;

SEC("xdp")
int constant_written(struct xdp_md *ctx)
{
	if (limit > 50)
		*(volatile __u32 *)&limit = 50; // <- here
	return XDP_PASS;
}

LICENSE("Dual MIT/GPL");
