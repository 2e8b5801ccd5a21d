// Random sequences of map operations, a program for each: what it returns stands for every result on the way and for all that the map
// holds in the end. The same object runs on Linux and in bpflab, and every program must return the same.
#include "../include/kernel.h"

#define BPF_MAP_TYPE_LPM_TRIE 11
#define BPF_MAP_TYPE_QUEUE 22
#define BPF_MAP_TYPE_STACK 23
#define BPF_MAP_TYPE_BLOOM_FILTER 30
#define BPF_F_ZERO_SEED 64

HELPER(87, long, bpf_map_push_elem, void *map, const void *value, __u64 flags);
HELPER(88, long, bpf_map_pop_elem, void *map, void *value);
HELPER(89, long, bpf_map_peek_elem, void *map, void *value);
HELPER(130, long, bpf_ringbuf_output, void *ringbuf, const void *data, __u64 size, __u64 flags);
HELPER(134, __u64, bpf_ringbuf_query, void *ringbuf, __u64 what);

#define STEPS 400
#define KEYS 48
#define FOUND_NONE 0x0b5e55ed

struct sequence {
	__u32 random;
	__u32 sum;
	__u32 at;
};

// Xorshift, as good as any for this.
static __always_inline __u32 draw(struct sequence *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 17;
	s->random ^= s->random << 5;
	return s->random;
}

// FNV-1a by words: the order of what is taken in counts.
static __always_inline void take(struct sequence *s, __u64 word)
{
	s->sum = (s->sum ^ (__u32)word) * 0x01000193;
	s->sum = (s->sum ^ (__u32)(word >> 32) ^ (s->sum >> 15)) * 0x01000193;
}

struct pair {
	__u64 first;
	__u32 second;
};

// The operations of maps with keys: mostly updates, so that maps are full most of the time.
#define KEYED_STEPS(name, key_type, set_key, range)                                                                    \
	static long step_##name(__u32 i, struct sequence *s)                                                           \
	{                                                                                                              \
		const __u32 r = draw(s), what = r >> 28;                                                               \
		struct pair value = { .first = r, .second = i }, *found;                                               \
		key_type key = {};                                                                                     \
                                                                                                                       \
		set_key(key, r % (range));                                                                             \
		if (what < 8) {                                                                                        \
			take(s, bpf_map_update_elem(&name, &key, &value, what < 4 ? BPF_ANY : what & 3));              \
		} else if (what < 11) {                                                                                \
			take(s, bpf_map_delete_elem(&name, &key));                                                     \
		} else {                                                                                               \
			found = bpf_map_lookup_elem(&name, &key);                                                      \
			take(s, found ? found->first : FOUND_NONE);                                                    \
			if (found && what > 13)                                                                        \
				found->second ^= r;                                                                    \
		}                                                                                                      \
		return 0;                                                                                              \
	}                                                                                                              \
	static long find_##name(__u32 i, struct sequence *s)                                                           \
	{                                                                                                              \
		struct pair *found;                                                                                    \
		key_type key = {};                                                                                     \
                                                                                                                       \
		set_key(key, i);                                                                                       \
		found = bpf_map_lookup_elem(&name, &key);                                                              \
		take(s, found ? found->first ^ found->second : FOUND_NONE);                                            \
		return 0;                                                                                              \
	}

#define RUN_ALL(name, range)                                                                                           \
	static __noinline __u32 run_##name(__u32 seed)                                                                 \
	{                                                                                                              \
		struct sequence s = { .random = seed * 0x9e3779b1 };                                                   \
                                                                                                                       \
		bpf_loop(STEPS, step_##name, &s, 0);                                                                   \
		bpf_loop(range, find_##name, &s, 0);                                                                   \
		return s.sum;                                                                                          \
	}

#define RUN_AND_WALK(name, key_type, range)                                                                            \
	static long show_##name(void *map, const key_type *key, const struct pair *value, struct sequence *s)          \
	{                                                                                                              \
		take(s, *(const __u8 *)key);                                                                           \
		take(s, value->first + value->second);                                                                 \
		return 0;                                                                                              \
	}                                                                                                              \
	static __noinline __u32 run_##name(__u32 seed)                                                                 \
	{                                                                                                              \
		struct sequence s = { .random = seed * 0x9e3779b1 };                                                   \
                                                                                                                       \
		bpf_loop(STEPS, step_##name, &s, 0);                                                                   \
		take(&s, bpf_for_each_map_elem(&name, show_##name, &s, 0));                                            \
		bpf_loop(range, find_##name, &s, 0);                                                                   \
		return s.sum;                                                                                          \
	}

#define MAP(name, map_type, entries, flags, key_type)                                                                  \
	struct {                                                                                                       \
		__uint(type, map_type);                                                                                \
		__uint(max_entries, entries);                                                                          \
		__uint(map_flags, flags);                                                                              \
		__type(key, key_type);                                                                                 \
		__type(value, struct pair);                                                                            \
	} name SEC(".maps");

struct long_key {
	__u32 number;
	__u8 rest[9];
} __attribute__((packed));

#define WORD_KEY(key, n) ((key) = (n))
#define LONG_KEY(key, n) ((key).number = (n), (key).rest[8] = (n) * 7)

MAP(hash, BPF_MAP_TYPE_HASH, 20, BPF_F_ZERO_SEED, __u32)
KEYED_STEPS(hash, __u32, WORD_KEY, KEYS)
RUN_AND_WALK(hash, __u32, KEYS)

MAP(hash_on_demand, BPF_MAP_TYPE_HASH, 33, BPF_F_ZERO_SEED | BPF_F_NO_PREALLOC, struct long_key)
KEYED_STEPS(hash_on_demand, struct long_key, LONG_KEY, KEYS)
RUN_AND_WALK(hash_on_demand, struct long_key, KEYS)

MAP(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 17, BPF_F_ZERO_SEED, __u64)
KEYED_STEPS(percpu_hash, __u64, WORD_KEY, KEYS)
RUN_AND_WALK(percpu_hash, __u64, KEYS)

MAP(lru, BPF_MAP_TYPE_LRU_HASH, 24, BPF_F_ZERO_SEED, __u32)
KEYED_STEPS(lru, __u32, WORD_KEY, KEYS)
RUN_AND_WALK(lru, __u32, KEYS)

MAP(lru_percpu, BPF_MAP_TYPE_LRU_PERCPU_HASH, 12, BPF_F_ZERO_SEED, __u64)
KEYED_STEPS(lru_percpu, __u64, WORD_KEY, KEYS)
RUN_AND_WALK(lru_percpu, __u64, KEYS)

MAP(array, BPF_MAP_TYPE_ARRAY, 40, 0, __u32)
KEYED_STEPS(array, __u32, WORD_KEY, KEYS)
RUN_AND_WALK(array, __u32, KEYS)

// Few bits differ and lengths are drawn as well, so that prefixes hold each other and part at many places.
struct prefix {
	__u32 length;
	__u8 data[4];
};

#define PREFIX_KEY(key, n)                                                                                             \
	((key).length = (n) % 34, (key).data[0] = (n) & 0x80, (key).data[1] = (n) >> 3 & 0x11, (key).data[3] = (n) & 3)

MAP(trie, BPF_MAP_TYPE_LPM_TRIE, 30, BPF_F_NO_PREALLOC, struct prefix)
KEYED_STEPS(trie, struct prefix, PREFIX_KEY, 256)
RUN_ALL(trie, 256)

#define VALUES(name, map_type, entries)                                                                                \
	struct {                                                                                                       \
		__uint(type, map_type);                                                                                \
		__uint(max_entries, entries);                                                                          \
		__type(value, __u64);                                                                                  \
	} name SEC(".maps");                                                                                           \
	static long step_##name(__u32 i, struct sequence *s)                                                           \
	{                                                                                                              \
		const __u32 r = draw(s), what = r >> 28;                                                               \
		__u64 value = r;                                                                                       \
                                                                                                                       \
		if (what < 9)                                                                                          \
			take(s, bpf_map_push_elem(&name, &value, what < 6 ? BPF_ANY : what < 8 ? BPF_EXIST : r & 7));  \
		else if (what < 12)                                                                                    \
			take(s, bpf_map_peek_elem(&name, &value));                                                     \
		else                                                                                                   \
			take(s, bpf_map_pop_elem(&name, &value));                                                      \
		take(s, value);                                                                                        \
		return 0;                                                                                              \
	}                                                                                                              \
	static long find_##name(__u32 i, struct sequence *s)                                                           \
	{                                                                                                              \
		__u64 value = 0;                                                                                       \
                                                                                                                       \
		take(s, bpf_map_pop_elem(&name, &value));                                                              \
		take(s, value);                                                                                        \
		return 0;                                                                                              \
	}                                                                                                              \
	RUN_ALL(name, (entries) + 1)

VALUES(queue, BPF_MAP_TYPE_QUEUE, 13)
VALUES(stack, BPF_MAP_TYPE_STACK, 13)

// Its seed is zero, so that its mistakes are part of what must be the same.
struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 60);
	__uint(map_flags, BPF_F_ZERO_SEED);
	__uint(map_extra, 3);
	__type(value, struct long_key);
} bloom SEC(".maps");

static long step_bloom(__u32 i, struct sequence *s)
{
	const __u32 r = draw(s);
	struct long_key value = {};

	LONG_KEY(value, r % 500);
	take(s, r >> 29 ? bpf_map_peek_elem(&bloom, &value) : bpf_map_push_elem(&bloom, &value, r >> 27 & 1));
	return 0;
}

static long find_bloom(__u32 i, struct sequence *s)
{
	struct long_key value = {};

	LONG_KEY(value, i);
	take(s, bpf_map_peek_elem(&bloom, &value));
	return 0;
}

RUN_ALL(bloom, 500)

// Nobody reads it, so it fills up; what is in it shows in its positions.
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

static long step_ring(__u32 i, struct sequence *s)
{
	const __u32 r = draw(s), what = r >> 29;
	__u64 data[6] = { r };
	void *record;

	if (what < 3) {
		take(s, bpf_ringbuf_output(&ring, data, r & 31, what == 2 ? r >> 8 & 3 : 0));
	} else {
		record = what < 6 ? bpf_ringbuf_reserve(&ring, 40, 0) : bpf_ringbuf_reserve(&ring, 12, 0);
		take(s, record != NULL);
		if (record) {
			if (what & 1)
				bpf_ringbuf_discard(record, 0);
			else
				bpf_ringbuf_submit(record, 1);
		}
	}
	take(s, bpf_ringbuf_query(&ring, r >> 16 & 7));
	return 0;
}

static long find_ring(__u32 i, struct sequence *s)
{
	take(s, bpf_ringbuf_query(&ring, i));
	return 0;
}

RUN_ALL(ring, 5)

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 9);
	__type(key, __u32);
	__type(value, struct pair);
};

struct inner first_inner SEC(".maps");
struct inner second_inner SEC(".maps");

// The second slot is empty.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { &first_inner, NULL, &second_inner } };

static long step_outer(__u32 i, struct sequence *s)
{
	const __u32 r = draw(s), what = r >> 28, slot = r >> 5 & 3;
	struct pair value = { .first = r, .second = i }, *found;
	const __u32 key = r % 20;
	void *map = bpf_map_lookup_elem(&outer, &slot);

	if (!map) {
		take(s, FOUND_NONE);
	} else if (what < 8) {
		take(s, bpf_map_update_elem(map, &key, &value, what < 4 ? BPF_ANY : what & 3));
	} else if (what < 11) {
		take(s, bpf_map_delete_elem(map, &key));
	} else {
		found = bpf_map_lookup_elem(map, &key);
		take(s, found ? found->first : FOUND_NONE);
	}
	return 0;
}

static long find_outer(__u32 i, struct sequence *s)
{
	const __u32 slot = i & 3, key = i >> 2;
	void *map = bpf_map_lookup_elem(&outer, &slot);
	struct pair *found = map ? bpf_map_lookup_elem(map, &key) : NULL;

	take(s, found ? found->first ^ found->second : FOUND_NONE);
	return 0;
}

RUN_ALL(outer, 80)

#define PROGRAM(name, seed)                                                                                            \
	SEC("tc")                                                                                                      \
	int name##_##seed(struct __sk_buff *skb)                                                                       \
	{                                                                                                              \
		return run_##name(seed);                                                                               \
	}

#define TEN(name, tens)                                                                                                \
	PROGRAM(name, tens##0)                                                                                         \
	PROGRAM(name, tens##1)                                                                                         \
	PROGRAM(name, tens##2)                                                                                         \
	PROGRAM(name, tens##3)                                                                                         \
	PROGRAM(name, tens##4)                                                                                         \
	PROGRAM(name, tens##5)                                                                                         \
	PROGRAM(name, tens##6)                                                                                         \
	PROGRAM(name, tens##7)                                                                                         \
	PROGRAM(name, tens##8)                                                                                         \
	PROGRAM(name, tens##9)

#define THIRTY(name)                                                                                                   \
	TEN(name, 1)                                                                                                   \
	TEN(name, 2)                                                                                                   \
	TEN(name, 3)

THIRTY(hash)
THIRTY(hash_on_demand)
THIRTY(percpu_hash)
THIRTY(lru)
THIRTY(lru_percpu)
THIRTY(array)
THIRTY(trie)
THIRTY(queue)
THIRTY(stack)
THIRTY(bloom)
THIRTY(ring)
THIRTY(outer)

LICENSE("Dual MIT/GPL");
