// The loop waits for memory to change. To the verifier every round begins with the same state, so it would never end; and if it does not
// end, the CPU never comes back. The log says `infinite loop detected at insn 2` and shows the state, now and a round before: the same.
//
// Expected: old state: R1_rw=map_value(map=infinite.bss,ks=4,vs=4) R2_w=0 R10=fp0
// What to do: count the rounds up to a constant, for (i = 0; i < 100 && !done; i++), or use bpf_loop.
#include "../include/kernel.h"

static volatile int done;

SEC("xdp")
int infinite_loop(struct xdp_md *ctx)
{
	while (!done) // <- here
		;
	return XDP_PASS;
}

LICENSE("Dual MIT/GPL");
