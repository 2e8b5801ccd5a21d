// A classic socket filter, with the packet loads of cBPF times (LD_ABS, LD_IND): keeps UDP over IPv4 to `port`.
#include "../include/kernel.h"
#include "../include/packet.h"

unsigned long long load_byte(void *skb, unsigned long long offset) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long offset) asm("llvm.bpf.load.half");

const volatile __u16 port = 53;

SEC("socket")
int keep_udp_port(struct __sk_buff *skb)
{
	__u64 header_length;

	if (load_half(skb, 12) != ETH_P_IP)
		return 0;
	if (load_byte(skb, 14 + 9) != IPPROTO_UDP)
		return 0;
	header_length = (load_byte(skb, 14) & 15) * 4;
	if (load_half(skb, 14 + header_length + 2) != port)
		return 0;
	return skb->len;
}

LICENSE("Dual MIT/GPL");
