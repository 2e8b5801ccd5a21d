// Puts TCP sockets in a SOCKHASH under their local port as soon as they are connected or listen, notes every event of theirs, and
// keeps what it knows of a socket with the socket.
#include "../include/sockets.h"

struct note {
	__u32 op;
	__u32 state;
	__u32 is_fullsock;
	__u32 local_port;
	__u32 remote_port;
	__u32 args[2];
	// What the update of the map answered; 1 when there was none.
	__s32 answer;
};

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct note);
} notes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} events_of SEC(".maps");

__u32 count;
// BPF_SOCK_OPS_*_CB_FLAG to ask for when a connection begins, and what asking answered.
__u32 wanted;
__s32 not_known = 1;
__u64 last_cookie;

SEC("sockops")
int track(struct bpf_sock_ops *ctx)
{
	__u32 index = count++, port = ctx->local_port;
	struct note *note = bpf_map_lookup_elem(&notes, &index);
	struct bpf_sock *sk = ctx->sk;
	__u32 *events;

	if (!note)
		return 1;
	note->op = ctx->op;
	note->state = ctx->state;
	note->is_fullsock = ctx->is_fullsock;
	note->local_port = port;
	note->remote_port = bpf_ntohl(ctx->remote_port);
	note->args[0] = ctx->args[0];
	note->args[1] = ctx->args[1];
	note->answer = 1;
	if (sk) {
		events = bpf_sk_storage_get(&events_of, sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (events)
			*events += 1;
	}
	switch (ctx->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		note->answer = bpf_sock_hash_update(ctx, &sockets, &port, BPF_NOEXIST);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		last_cookie = bpf_get_socket_cookie(ctx);
		not_known = bpf_sock_ops_cb_flags_set(ctx, wanted);
		note->answer = bpf_sock_hash_update(ctx, &sockets, &port, BPF_NOEXIST);
		break;
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		note->answer = bpf_sock_hash_update(ctx, &sockets, &port, BPF_NOEXIST);
	}
	return 1;
}

LICENSE("GPL");
