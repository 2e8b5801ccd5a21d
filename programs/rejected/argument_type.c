// The key of a map is passed by address. Here its value is passed, a number.
//
// Expected: R2 type=scalar expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_
// What to do: bpf_map_delete_elem(&seen, &key).
#include "../include/kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

SEC("xdp")
int argument_type(struct xdp_md *ctx)
{
	const __u32 key = ctx->ingress_ifindex;

	bpf_map_delete_elem(&seen, (void *)(long)key); // <- here
	return XDP_PASS;
}

LICENSE("Dual MIT/GPL");
