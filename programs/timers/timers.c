// Timers in map values: flows that are forgotten when no packet comes for a while, and a heart that beats until it is told to stop.
#include "../include/kernel.h"

struct bpf_timer {
	__u64 __opaque[2];
};

HELPER(169, long, bpf_timer_init, struct bpf_timer *timer, void *map, __u64 clock);
HELPER(170, long, bpf_timer_set_callback, struct bpf_timer *timer, void *callback);
HELPER(171, long, bpf_timer_start, struct bpf_timer *timer, __u64 nanoseconds, __u64 flags);
HELPER(172, long, bpf_timer_cancel, struct bpf_timer *timer);

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7
#define BPF_F_TIMER_ABS 1
#define MILLISECOND 1000000ULL

struct flow {
	__u64 packets;
	struct bpf_timer idle;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct flow);
} recent SEC(".maps");

struct heart {
	__u64 beats;
	__u64 last;
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct heart);
} hearts SEC(".maps");

__u64 idle_after = 10 * MILLISECOND;
__u64 period = MILLISECOND;
__u64 start_at;
__u32 clock_of = CLOCK_MONOTONIC;
__u32 forgotten;
__u32 last_key;
__u32 last_cpu;
__s64 own_cancel;

static int forget(void *map, __u32 *key, struct flow *flow)
{
	forgotten++;
	last_key = *key;
	last_cpu = bpf_get_smp_processor_id();
	own_cancel = bpf_timer_cancel(&flow->idle);
	bpf_map_delete_elem(map, key);
	return 0;
}

static __always_inline int touch(struct __sk_buff *skb, void *map)
{
	__u32 key = skb->mark;
	struct flow fresh = {}, *flow = bpf_map_lookup_elem(map, &key);

	if (!flow) {
		bpf_map_update_elem(map, &key, &fresh, 0);
		flow = bpf_map_lookup_elem(map, &key);
		if (!flow)
			return -1;
	}
	flow->packets++;
	// Fails with EBUSY for a flow that is known.
	if (bpf_timer_init(&flow->idle, map, CLOCK_MONOTONIC) == 0)
		bpf_timer_set_callback(&flow->idle, forget);
	return bpf_timer_start(&flow->idle, idle_after, 0);
}

SEC("tc")
int touch_flow(struct __sk_buff *skb)
{
	return touch(skb, &flows);
}

SEC("tc")
int touch_recent(struct __sk_buff *skb)
{
	return touch(skb, &recent);
}

static int beat(void *map, __u32 *key, struct heart *heart)
{
	heart->beats++;
	heart->last = bpf_ktime_get_ns();
	last_key = *key;
	bpf_timer_start(&heart->timer, period, 0);
	return 0;
}

SEC("tc")
int start_heart(struct __sk_buff *skb)
{
	__u32 key = skb->mark;
	struct heart *heart = bpf_map_lookup_elem(&hearts, &key);
	long error;

	if (!heart)
		return -1;
	error = bpf_timer_init(&heart->timer, &hearts, clock_of);
	if (error)
		return error;
	error = bpf_timer_start(&heart->timer, period, 0);
	if (error != -22)
		return -2;
	bpf_timer_set_callback(&heart->timer, beat);
	if (start_at)
		return bpf_timer_start(&heart->timer, start_at, BPF_F_TIMER_ABS);
	return bpf_timer_start(&heart->timer, period, 0);
}

SEC("tc")
int stop_heart(struct __sk_buff *skb)
{
	__u32 key = skb->mark;
	struct heart *heart = bpf_map_lookup_elem(&hearts, &key);

	return heart ? bpf_timer_cancel(&heart->timer) : -1;
}

LICENSE("Dual MIT/GPL");
