// Functions that are not static are verified by themselves, for all arguments that their types allow, and a pointer may be NULL.
//
// Expected: R1 invalid mem access 'mem_or_null'
// What to do: if (!counter) return 0; in the function, or make it static.
#include "../include/kernel.h"

static __u64 total;

__noinline int count_up(__u64 *counter)
{
	*counter += 1; // <- here
	return 0;
}

SEC("xdp")
int global_function_argument(struct xdp_md *ctx)
{
	count_up(&total);
	return XDP_PASS;
}

LICENSE("Dual MIT/GPL");
