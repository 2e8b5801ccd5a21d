// The program ends on some path without having set what it returns (R0). A C compiler warns of it (-Wreturn-type); assembly does not.
//
// Expected: R0 !read_ok
// What to do: set r0 on every path ahead of exit.
#include "../include/kernel.h"

SEC("xdp")
int no_return_value(struct xdp_md *ctx)
{
	asm volatile("if %0 == 0 goto 1f;" // <- here
		     "r0 = 2;"
		     "1: exit;"
		     : : "r"(ctx->rx_queue_index) : "r0");
	__builtin_unreachable();
}

LICENSE("Dual MIT/GPL");
