// A policy for the sockets and tasks of a cgroup: one program for each event that a cgroup is asked about.
#include "../include/kernel.h"

#define AF_INET 2
#define SOL_SOCKET 1
#define SO_PRIORITY 12
#define EPERM 1
#define EACCES 13

struct bpf_sock {
	__u32 bound_dev_if;
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 mark;
	__u32 priority;
	__u32 src_ip4;
	__u32 src_ip6[4];
	__u32 src_port;
};

struct bpf_sock_addr {
	__u32 user_family;
	__u32 user_ip4;
	__u32 user_ip6[4];
	__u32 user_port;
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 msg_src_ip4;
	__u32 msg_src_ip6[4];
	struct bpf_sock *sk;
};

struct bpf_sockopt {
	__u64 sk;
	void *optval;
	void *optval_end;
	__s32 level;
	__s32 optname;
	__s32 optlen;
	__s32 retval;
};

struct bpf_sysctl {
	__u32 write;
	__u32 file_pos;
};

struct bpf_cgroup_dev_ctx {
	__u32 access_type;
	__u32 major;
	__u32 minor;
};

struct bpf_cgroup_storage_key {
	__u64 cgroup_inode_id;
	__u32 attach_type;
};

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} packets SEC(".maps");

// Every packet is counted for the cgroup at which the program is attached; of more than `allowed` no further one leaves.
__u64 allowed = 2;

SEC("cgroup_skb/egress")
int count_egress(struct __sk_buff *skb)
{
	__u64 *count = bpf_get_local_storage(&packets, 0);

	*count += 1;
	return *count <= allowed;
}

// What an egress program may say: 0 drop, 1 keep, 2 and 3 the same and "there is congestion".
__u32 egress_verdict = 1;

SEC("cgroup_skb/egress")
int say_egress(struct __sk_buff *skb)
{
	return egress_verdict & 3;
}

// Lets in what begins with an IPv4 header without options.
SEC("cgroup_skb/ingress")
int plain_ipv4(struct __sk_buff *skb)
{
	__u8 first;

	if (bpf_skb_load_bytes(skb, 0, &first, 1))
		return 0;
	return first == 0x45;
}

SEC("cgroup/sock_create")
int mark_sockets(struct bpf_sock *sk)
{
	if (sk->family != AF_INET)
		return 0;
	sk->mark = 7;
	return 1;
}

SEC("cgroup/post_bind4")
int no_port_4444(struct bpf_sock *sk)
{
	return sk->src_port != 4444;
}

// Sends everybody who wants port 80 to port 8080, and nobody to port 23.
SEC("cgroup/connect4")
int redirect_web(struct bpf_sock_addr *ctx)
{
	if (ctx->user_port == __builtin_bswap16(23))
		return 0;
	if (ctx->user_port == __builtin_bswap16(80))
		ctx->user_port = __builtin_bswap16(8080);
	return 1;
}

// Refuses in words of its own.
SEC("cgroup/connect4")
int refuse_with_eacces(struct bpf_sock_addr *ctx)
{
	bpf_set_retval(-EACCES);
	return 0;
}

int seen_retval;

// Sees what the programs before it have made of the answer.
SEC("cgroup/connect4")
int look_at_retval(struct bpf_sock_addr *ctx)
{
	seen_retval = bpf_get_retval();
	return 1;
}

// Ports below 1024 without a capability.
SEC("cgroup/bind4")
int free_ports(struct bpf_sock_addr *ctx)
{
	return 3;
}

SEC("cgroup/sendmsg4")
int send_from_loopback(struct bpf_sock_addr *ctx)
{
	ctx->msg_src_ip4 = __builtin_bswap32(0x7f000001);
	ctx->user_ip4 = __builtin_bswap32(0x7f000002);
	return 1;
}

// SO_PRIORITY is at most 3; of every other option the program knows nothing.
SEC("cgroup/setsockopt")
int limit_priority(struct bpf_sockopt *ctx)
{
	__u32 *value = ctx->optval;

	if (ctx->level != SOL_SOCKET || ctx->optname != SO_PRIORITY) {
		ctx->optlen = 0;
		return 1;
	}
	if ((void *)(value + 1) > ctx->optval_end)
		return 0;
	if (*value > 3)
		*value = 3;
	return 1;
}

#define LEVEL_OF_OUR_OWN 0x1234

// An option that the kernel does not have.
SEC("cgroup/setsockopt")
int own_option(struct bpf_sockopt *ctx)
{
	ctx->optlen = ctx->level == LEVEL_OF_OUR_OWN ? -1 : 0;
	return 1;
}

SEC("cgroup/getsockopt")
int own_option_value(struct bpf_sockopt *ctx)
{
	__u8 *value = ctx->optval;

	if (ctx->level != LEVEL_OF_OUR_OWN)
		return 1;
	if ((void *)(value + 1) > ctx->optval_end)
		return 0;
	*value = 42;
	// One store each: the compiler would write both numbers at once, which the kernel does not take.
	*(volatile __s32 *)&ctx->optlen = 1;
	*(volatile __s32 *)&ctx->retval = 0;
	return 1;
}

char sysctl_name[32];
char sysctl_was[16];
char sysctl_new[16];

// Whoever writes a sysctl writes 600.
SEC("cgroup/sysctl")
int always_600(struct bpf_sysctl *ctx)
{
	static const char value[] = "600";

	bpf_sysctl_get_name(ctx, sysctl_name, sizeof(sysctl_name), 0);
	bpf_sysctl_get_current_value(ctx, sysctl_was, sizeof(sysctl_was));
	if (!ctx->write)
		return 1;
	bpf_sysctl_get_new_value(ctx, sysctl_new, sizeof(sysctl_new));
	bpf_sysctl_set_new_value(ctx, value, sizeof(value) - 1);
	return 1;
}

// Reading /dev/random (1:8), nothing else.
SEC("cgroup/dev")
int only_random(struct bpf_cgroup_dev_ctx *ctx)
{
	if ((ctx->access_type >> 16) != 2 || (ctx->access_type & 0xffff) != 2)
		return 0;
	return ctx->major == 1 && ctx->minor == 8;
}

LICENSE("GPL");
