// Calls can be nested eight deep, the program itself included; this chain has nine.
//
// Expected: the call stack of 9 frames is too deep
// What to do: let small functions be inlined; turn recursion into a loop.
#include "../include/kernel.h"

static volatile int depth;

static __noinline int step8(void) { return depth; }
static __noinline int step7(void) { return step8() + depth; } // <- here
static __noinline int step6(void) { return step7() + depth; }
static __noinline int step5(void) { return step6() + depth; }
static __noinline int step4(void) { return step5() + depth; }
static __noinline int step3(void) { return step4() + depth; }
static __noinline int step2(void) { return step3() + depth; }
static __noinline int step1(void) { return step2() + depth; }

SEC("xdp")
int call_depth(struct xdp_md *ctx)
{
	return step1() ? XDP_DROP : XDP_PASS;
}

LICENSE("Dual MIT/GPL");
