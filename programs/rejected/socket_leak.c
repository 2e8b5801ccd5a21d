// A socket that was looked up counts a user more; without bpf_sk_release the kernel could never free it.
//
// Expected: Unreleased reference id=2 alloc_insn=9
// What to do: bpf_sk_release(sk); on the path where the lookup found one.
#include "../include/kernel.h"

struct bpf_sock;
struct bpf_sock_tuple {
	__be32 saddr, daddr;
	__be16 sport, dport;
};

HELPER(84, struct bpf_sock *, bpf_sk_lookup_tcp, void *ctx, struct bpf_sock_tuple *tuple, __u32 size, __u64 netns, __u64 flags);

SEC("tc")
int socket_leak(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = { .dport = bpf_htons(80) };
	struct bpf_sock *sk = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple), -1, 0);

	return sk ? TC_ACT_OK : TC_ACT_SHOT; // <- here
}

LICENSE("Dual MIT/GPL");
