// What a program of this type returns goes to user space or decides something; an address of the kernel is neither.
//
// Expected: At program exit the register R0 is not a known value (ctx)
// What to do: return a number: 0, or one of the constants of the program type.
#include "../include/kernel.h"

SEC("cgroup/connect4")
int pointer_returned(void *ctx)
{
	return (long)ctx; // <- here
}

LICENSE("Dual MIT/GPL");
