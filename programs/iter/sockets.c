// Iterators over sockets: TCP's and UDP's, and those that have a value in a map.
#include "../include/kernel.h"

#define CORE __attribute__((preserve_access_index))
#define PRINT(seq, format, ...)                                                                \
	({                                                                                     \
		static const char text[] = format;                                             \
		__u64 values[] = { __VA_ARGS__ };                                              \
		bpf_seq_printf(seq, text, sizeof(text), values, sizeof(values));               \
	})
#define BPF_MAP_TYPE_SK_STORAGE 24

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 seq_num;
} CORE;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
} CORE;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_type;
	__u16 sk_protocol;
	__u32 sk_mark;
} CORE;

struct inet_sock {
	struct sock sk;
} CORE;

struct udp_sock {
	struct inet_sock inet;
} CORE;

struct bpf_map;

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
} CORE;

struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
} CORE;

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
} CORE;

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} bytes SEC(".maps");

SEC("iter/tcp")
int tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;

	if (!sk)
		return 0;
	PRINT(ctx->meta->seq, "%llu: %pI4:%u %pI4:%u state %u\n", ctx->meta->seq_num, (__u64)&sk->skc_rcv_saddr,
	      sk->skc_num, (__u64)&sk->skc_daddr, __builtin_bswap16(sk->skc_dport), sk->skc_state);
	return 0;
}

SEC("iter/udp")
int udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *udp = ctx->udp_sk;

	if (udp)
		PRINT(ctx->meta->seq, "port %u protocol %u\n", udp->inet.sk.__sk_common.skc_num, udp->inet.sk.sk_protocol);
	return 0;
}

// Shows the value of each socket, and counts it up.
SEC("iter/bpf_sk_storage_map")
int values(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	__u64 *value = ctx->value;

	if (!sk || !value)
		return 0;
	PRINT(ctx->meta->seq, "mark %u: %llu\n", sk->sk_mark, *value);
	*value += 1;
	return 0;
}

LICENSE("GPL");
