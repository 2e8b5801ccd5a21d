// Decides about what processes send through TCP sockets, by its first byte: P passes, D is dropped, I goes into the queue of the
// socket in slot 1, E goes out of it. The second byte can ask for more: a, the verdict holds for the first 3 bytes only; c, nothing is sent
// before there are 6 bytes; h, a header of 2 bytes comes first; b, 2 bytes come in behind the second; x, the bytes behind the second and before the
// fifth go; l, the last byte is read.
#include "../include/sockets.h"

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

__u32 runs;
// Bytes in all, in direct reach at first, and after what the program did.
__u32 size, reach, size_after, reach_after;
__s32 answer;
__u32 last, local_port;

static __always_inline int verdict(struct sk_msg_md *msg, __u8 wish)
{
	switch (wish) {
	case 'P':
		return SK_PASS;
	case 'I':
		return bpf_msg_redirect_map(msg, &sockets, 1, BPF_F_INGRESS);
	case 'E':
		return bpf_msg_redirect_map(msg, &sockets, 1, 0);
	default:
		return SK_DROP;
	}
}

SEC("sk_msg")
int decide(struct sk_msg_md *msg)
{
	__u8 *data = msg->data, *end = msg->data_end;
	__u8 wish, more = 0;

	runs++;
	size = msg->size;
	reach = end - data;
	local_port = msg->local_port;
	if (data + 1 > end)
		return SK_DROP;
	wish = data[0];
	if (data + 2 <= end)
		more = data[1];
	switch (more) {
	case 'a':
		answer = bpf_msg_apply_bytes(msg, 3);
		break;
	case 'c':
		answer = bpf_msg_cork_bytes(msg, 6);
		break;
	case 'h':
		answer = bpf_msg_push_data(msg, 0, 2, 0);
		data = msg->data;
		end = msg->data_end;
		if (data + 2 <= end) {
			data[0] = '>';
			data[1] = ' ';
		}
		break;
	case 'b':
		answer = bpf_msg_push_data(msg, 2, 2, 0);
		reach_after = (long)msg->data_end - (long)msg->data;
		answer = bpf_msg_pull_data(msg, 2, 4, 0);
		data = msg->data;
		end = msg->data_end;
		if (data + 2 <= end) {
			data[0] = '[';
			data[1] = ']';
		}
		break;
	case 'x':
		answer = bpf_msg_pop_data(msg, 2, 2, 0);
		break;
	case 'l':
		answer = bpf_msg_pull_data(msg, size - 1, size, 0);
		data = msg->data;
		end = msg->data_end;
		if (data + 1 <= end)
			last = data[0];
		break;
	case 'y':
		answer = bpf_msg_pull_data(msg, 0, size + 1, 0);
		break;
	case 'z':
		answer = bpf_msg_pop_data(msg, size - 1, 2, 0);
	}
	size_after = msg->size;
	reach_after = (long)msg->data_end - (long)msg->data;
	return verdict(msg, wish);
}

LICENSE("GPL");
