// Makes what arrives at sockets longer or shorter, as user space asks, and lets it pass.
#include "../include/sockets.h"

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

// t: bpf_skb_change_tail to `bytes`; h: bpf_skb_change_head by `bytes`; r: bpf_skb_adjust_room by `bytes`.
__u32 wish, mode;
__s32 bytes, answer;
__u64 flags;
// Before and after.
__u32 length, reach, length_after, reach_after;

SEC("sk_skb/stream_verdict")
int reshape(struct __sk_buff *skb)
{
	length = skb->len;
	reach = (long)skb->data_end - (long)skb->data;
	switch (wish) {
	case 't':
		answer = bpf_skb_change_tail(skb, bytes, flags);
		break;
	case 'h':
		answer = bpf_skb_change_head(skb, bytes, flags);
		break;
	case 'r':
		answer = bpf_skb_adjust_room(skb, bytes, mode, flags);
	}
	length_after = skb->len;
	reach_after = (long)skb->data_end - (long)skb->data;
	return SK_PASS;
}

LICENSE("GPL");
