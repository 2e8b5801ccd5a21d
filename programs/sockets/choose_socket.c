// Chooses sockets for what arrives. `steer` (SK_LOOKUP) gives packets to a port the socket in that port's slot, whatever it is bound to.
// `pick` (SK_REUSEPORT) chooses among the sockets of a group: for UDP the one whose number the datagram begins with, for TCP the one in `tcp_member`.
#include "../include/sockets.h"

#define REFUSE 99
#define IPPROTO_TCP 6
#define UDP_HEADER 8

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u32);
} slot_of_port SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} members SEC(".maps");

__u32 lookups, family, protocol, local_port, remote_port, ifindex, is_chosen;
__u64 assign_flags;
__s32 assigned = 1;

SEC("sk_lookup")
int steer(struct bpf_sk_lookup *ctx)
{
	__u32 port = ctx->local_port, *slot = bpf_map_lookup_elem(&slot_of_port, &port);
	struct bpf_sock *sk;

	lookups++;
	family = ctx->family;
	protocol = ctx->protocol;
	local_port = port;
	remote_port = bpf_ntohs(ctx->remote_port);
	ifindex = ctx->ingress_ifindex;
	if (!slot)
		return SK_PASS;
	if (*slot == REFUSE)
		return SK_DROP;
	sk = bpf_map_lookup_elem(&targets, slot);
	if (!sk)
		return SK_PASS;
	assigned = bpf_sk_assign(ctx, sk, assign_flags);
	is_chosen = ctx->sk != NULL;
	bpf_sk_release(sk);
	return SK_PASS;
}

__u32 picks, length, reach, eth_protocol, ip_protocol, bind_inany, group_port, tcp_member, network_byte;
__s32 selected = 1;

SEC("sk_reuseport")
int pick(struct sk_reuseport_md *ctx)
{
	__u32 member = tcp_member;
	__u8 first = 0, version = 0;

	picks++;
	length = ctx->len;
	reach = ctx->data_end - ctx->data;
	eth_protocol = bpf_ntohs(ctx->eth_protocol);
	ip_protocol = ctx->ip_protocol;
	bind_inany = ctx->bind_inany;
	group_port = ctx->sk->src_port;
	bpf_skb_load_bytes_relative(ctx, 0, &version, 1, 1);
	network_byte = version;
	if (ip_protocol != IPPROTO_TCP) {
		if (bpf_skb_load_bytes(ctx, UDP_HEADER, &first, 1))
			return SK_DROP;
		if (first == 'h')
			return SK_PASS;
		member = first - '0';
	}
	selected = bpf_sk_select_reuseport(ctx, &members, &member, 0);
	return selected ? SK_DROP : SK_PASS;
}

LICENSE("GPL");
