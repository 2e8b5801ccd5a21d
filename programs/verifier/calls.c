// Programs that Linux's verifier refuses, which cannot be written without types: functions called by helpers, global functions, constant
// strings. test/verifier/cases.test.ts compares what the verifier says of them with what the kernel said.
#include "../include/kernel.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} jumps SEC(".maps");

static int any_number(__u32 round, void *data)
{
	return round;
}

SEC("tc")
int callback_returns_any_number(struct __sk_buff *skb)
{
	return bpf_loop(10, any_number, NULL, 0);
}

static int loads_from_packet(__u32 round, void *data)
{
	asm volatile("r6 = *(u64 *)%0; r0 = *(u8 *)skb[0]; r0 = 0;"
		     : : "m"(*(__u64 *)data) : "r0", "r1", "r2", "r3", "r4", "r5", "r6");
	return 0;
}

SEC("tc")
int callback_loads_from_packet(struct __sk_buff *skb)
{
	struct __sk_buff *volatile keep = skb;

	return bpf_loop(2, loads_from_packet, (void *)&keep, 0);
}

static int never_loads_from_packet(__u32 round, void *data)
{
	asm volatile("r0 = 0; if r0 == 0 goto +1; r0 = *(u8 *)skb[0];" : : : "r0", "r1", "r2", "r3", "r4", "r5");
	return 0;
}

SEC("tc")
int callback_could_load_from_packet(struct __sk_buff *skb)
{
	return bpf_loop(2, never_loads_from_packet, NULL, 0);
}

static __noinline int jump(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &jumps, 0);
	return 1;
}

SEC("tc")
int much_stack_ahead_of_tail_call(struct __sk_buff *skb)
{
	char text[280];

	asm volatile("*(u64 *)(%0 + 0) = %0" : : "r"(text) : "memory");
	jump(skb);
	asm volatile("*(u64 *)(%0 + 8) = %0" : : "r"(text) : "memory");
	return 0;
}

static const char unknown_conversion[] = "%d %y";

SEC("tc")
int format_with_unknown_conversion(struct __sk_buff *skb)
{
	__u64 data[] = { 1, 2 };
	char text[32];

	return bpf_snprintf(text, sizeof(text), unknown_conversion, data, sizeof(data));
}

struct pair {
	__u64 first, second;
};

__noinline int second_of(struct pair *pair)
{
	return pair ? pair->second : 0;
}

SEC("tc")
int function_is_given_too_little(struct __sk_buff *skb)
{
	__u64 one = skb->len;

	return second_of((struct pair *)&one);
}

__noinline int length_of(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("tc")
int function_is_given_another_context(struct __sk_buff *skb)
{
	__u64 one = 1;

	return length_of((struct __sk_buff *)&one);
}

LICENSE("Dual MIT/GPL");
