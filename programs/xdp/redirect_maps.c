// Redirects packets by their receive queue: 0 to a device, 1 to a CPU, 2 to an AF_XDP socket, 3 to all devices but the one they
// came from. What leaves by a device goes through a program of its own.
#include "../include/kernel.h"

struct devmap_value {
	__u32 ifindex;
	int program;
};

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct devmap_value);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

__u32 left_by;

SEC("xdp/devmap")
int leaving(struct xdp_md *ctx)
{
	left_by = ctx->egress_ifindex;
	return XDP_PASS;
}

SEC("xdp")
int redirect(struct xdp_md *ctx)
{
	switch (ctx->rx_queue_index) {
	case 0:
		return bpf_redirect_map(&devices, 1, XDP_DROP);
	case 1:
		return bpf_redirect_map(&cpus, 1, XDP_DROP);
	case 2:
		return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
	default:
		return bpf_redirect_map(&devices, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
	}
}

LICENSE("GPL");
