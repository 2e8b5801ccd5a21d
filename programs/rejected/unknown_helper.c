// Helpers are called by number, and this kernel has none with this one: the program was made for a newer kernel, or the number is wrong.
//
// Expected: invalid func unknown#9999
// What to do: take the declarations from the kernel's or libbpf's headers; ask for optional helpers with bpf_core_enum_value_exists.
#include "../include/kernel.h"

HELPER(9999, long, bpf_from_the_future, void);

SEC("xdp")
int unknown_helper(struct xdp_md *ctx)
{
	return bpf_from_the_future() ? XDP_DROP : XDP_PASS; // <- here
}

LICENSE("Dual MIT/GPL");
