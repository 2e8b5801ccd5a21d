// Programs at connect4 answer with 0 (refuse) or 1 (let it be). What a helper returned can be anything.
//
// Expected: At program exit the register R0 has unknown scalar value should have been in [0, 1]
// What to do: return bpf_get_prandom_u32() & 1;
#include "../include/kernel.h"

SEC("cgroup/connect4")
int return_value(void *ctx)
{
	return bpf_get_prandom_u32(); // <- here
}

LICENSE("Dual MIT/GPL");
