// The kernel rewrites accesses of the context, and for that it must know which field each one means. A pointer into the middle of the
// context hides it.
//
// Expected: dereference of modified ctx ptr R1 off=8 disallowed
// What to do: access ctx->mark by name, through ctx itself.
#include "../include/kernel.h"

SEC("tc")
int modified_context(struct __sk_buff *skb)
{
	const __u32 *mark = &skb->mark;

	// Keeps the compiler from putting the offset into the access, as it would.
	asm volatile("" : "+r"(mark));
	return *mark == 7 ? TC_ACT_SHOT : TC_ACT_OK; // <- here
}

LICENSE("Dual MIT/GPL");
