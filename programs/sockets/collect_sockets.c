// Looks for the socket of a packet at tc and puts it in a SOCKMAP and a SOCKHASH, or takes what is there out.
#include "../include/sockets.h"

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} by_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} by_port SEC(".maps");

struct bpf_sock_tuple tuple;
__u32 is_udp, slot;
__u64 flags;
__s32 put, hashed, taken;

SEC("tc")
int collect(struct __sk_buff *skb)
{
	struct bpf_sock_tuple asked = tuple;
	__u32 key = slot, port;
	struct bpf_sock *sk = is_udp ? bpf_sk_lookup_udp(skb, &asked, sizeof(asked), -1, 0)
				     : bpf_sk_lookup_tcp(skb, &asked, sizeof(asked), -1, 0);

	if (!sk)
		return 0;
	port = sk->src_port;
	put = bpf_map_update_elem(&by_index, &key, sk, flags);
	hashed = bpf_map_update_elem(&by_port, &port, sk, flags);
	bpf_sk_release(sk);
	return 1;
}

SEC("tc")
int take(struct __sk_buff *skb)
{
	__u32 key = slot;

	taken = bpf_map_delete_elem(&by_index, &key);
	return 0;
}

LICENSE("GPL");
