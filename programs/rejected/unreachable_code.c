// No jump leads to these instructions and nothing falls through to them. Compilers leave such code out; the verifier wants it gone, since
// it could not check it.
//
// Expected: unreachable insn 2
// What to do: remove what cannot run.
#include "../include/kernel.h"

SEC("xdp")
int unreachable_code(struct xdp_md *ctx)
{
	asm volatile("r0 = 2;" // <- here
		     "exit;"
		     "r0 = 1;"
		     "exit;"
		     : : : "r0");
	__builtin_unreachable();
}

LICENSE("Dual MIT/GPL");
