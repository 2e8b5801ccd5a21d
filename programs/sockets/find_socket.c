// Looks at tc for the socket that a packet would go to, by addresses and ports that user space sets, and says what it found.
#include "../include/sockets.h"

struct bpf_sock_tuple tuple;
__u32 is_udp, state, port, is_listener;
__u64 netns = -1, flags, size = sizeof(tuple);

SEC("tc")
int find(struct __sk_buff *skb)
{
	struct bpf_sock_tuple asked = tuple;
	struct bpf_sock *sk;
	__u32 bytes = size == sizeof(asked) ? sizeof(asked) : 4;

	state = 0;
	port = 0;
	is_listener = 0;
	if (is_udp)
		sk = bpf_sk_lookup_udp(skb, &asked, bytes, netns, flags);
	else
		sk = bpf_sk_lookup_tcp(skb, &asked, bytes, netns, flags);
	if (!sk)
		return 0;
	state = sk->state;
	port = sk->src_port;
	is_listener = bpf_get_listener_sock(sk) != NULL;
	bpf_sk_release(sk);
	return 1;
}

LICENSE("GPL");
