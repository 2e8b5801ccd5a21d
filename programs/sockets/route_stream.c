// Routes what arrives at TCP, UDP and UNIX sockets by its first byte: P passes, D drops, I goes into the queue of the socket in slot 1, E
// goes out of it. What else the program sees of the data is kept in globals.
#include "../include/sockets.h"

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} by_port SEC(".maps");

__u32 runs;
// Bytes in all, in direct reach at first, and after bpf_skb_pull_data.
__u32 length, reach, reach_pulled;
__u32 family, local_port, remote_port;

static __always_inline void look_around(struct __sk_buff *skb)
{
	runs++;
	length = skb->len;
	reach = (long)skb->data_end - (long)skb->data;
	family = skb->family;
	local_port = skb->local_port;
	remote_port = bpf_ntohl(skb->remote_port);
}

SEC("sk_skb/stream_verdict")
int route(struct __sk_buff *skb)
{
	__u8 *first;

	look_around(skb);
	if (bpf_skb_pull_data(skb, 1))
		return SK_DROP;
	reach_pulled = (long)skb->data_end - (long)skb->data;
	first = (void *)(long)skb->data;
	if (first + 1 > (__u8 *)(long)skb->data_end)
		return SK_DROP;
	switch (*first) {
	case 'P':
		return SK_PASS;
	case 'I':
		return bpf_sk_redirect_map(skb, &sockets, 1, BPF_F_INGRESS);
	case 'E':
		return bpf_sk_redirect_map(skb, &sockets, 1, 0);
	default:
		return SK_DROP;
	}
}

// The same with a map by port: data goes to the socket that is there under the port of the other end.
SEC("sk_skb/verdict")
int route_by_port(struct __sk_buff *skb)
{
	__u32 port = bpf_ntohl(skb->remote_port);

	look_around(skb);
	return bpf_sk_redirect_hash(skb, &by_port, &port, BPF_F_INGRESS);
}

// Cuts a stream into messages: one byte that says how long the rest is.
SEC("sk_skb/stream_parser")
int cut(struct __sk_buff *skb)
{
	__u8 rest;

	if (bpf_skb_load_bytes(skb, 0, &rest, 1))
		return 0;
	return 1 + rest;
}

// Counts messages and lets them pass.
SEC("sk_skb/stream_verdict")
int count(struct __sk_buff *skb)
{
	look_around(skb);
	return SK_PASS;
}

LICENSE("GPL");
