// Pointers can be moved by adding numbers. A mask would make an address of which nothing is known.
//
// Expected: R1 bitwise operator &= on pointer prohibited
// What to do: mask the offset, as a number, and add it to the pointer.
#include "../include/kernel.h"

SEC("xdp")
int pointer_masked(struct xdp_md *ctx)
{
	__u8 bytes[16] = {};
	unsigned long address = (unsigned long)bytes;

	asm volatile("" : "+r"(address));
	address &= ~15UL; // <- here
	return *(__u8 *)address;
}

LICENSE("Dual MIT/GPL");
