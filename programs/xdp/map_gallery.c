// Values of many types in maps of several kinds, for whoever wants to look at them: bpflab map dump, bpftool map dump.
#include "../include/kernel.h"

enum color { RED, GREEN = 7, BLUE = -1 };
enum size64 { TINY, HUGE64 = 0x100000000ULL };

typedef char letter_t;

struct point {
	__s16 x;
	__s16 y;
};

struct exhibit {
	char label[12];
	char binary[4];
	letter_t letters[4];
	_Bool lit;
	char letter;
	enum color color;
	enum size64 size;
	__u8 low : 3;
	__u8 high : 5;
	int offset : 20;
	__s8 small;
	__s64 negative;
	__u64 large;
	const struct point *pointer;
	struct point corners[2];
	union {
		__u32 word;
		__u8 bytes[4];
	};
	unsigned __int128 wide;
	const volatile __u32 fixed;
};

struct place {
	__u32 floor;
	__u32 room;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, struct place);
	__type(value, struct exhibit);
} exhibits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4);
	__type(key, __u16);
	__type(value, struct point);
} visitors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__uint(value_size, 20);
} untyped SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 6);
} untyped_percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, typeof(inner));
} wings SEC(".maps") = {
	.values = { [1] = &inner },
};

__u32 opened = 3;
char motto[16] = "see \"all\"\n";
struct point entrance;
const enum color walls = GREEN;

SEC("xdp")
int hang(struct xdp_md *ctx)
{
	struct place place = { .floor = 1, .room = 2 };
	struct exhibit exhibit = {};
	struct point point = { .x = -3, .y = 4 };
	__u16 door = 9;
	__u32 zero = 0;
	char *bytes;

	__builtin_memcpy(exhibit.label, "blue \\ vase", 12);
	__builtin_memcpy(exhibit.binary, "\x01\x02\x00\x04", 4);
	__builtin_memcpy(exhibit.letters, "abc", 4);
	exhibit.lit = 1;
	exhibit.letter = 'q';
	exhibit.color = BLUE;
	exhibit.size = HUGE64;
	exhibit.low = 5;
	exhibit.high = 17;
	exhibit.offset = -2;
	exhibit.small = -100;
	exhibit.negative = -5000000000LL;
	exhibit.large = 0xfedcba9876543210ULL;
	exhibit.pointer = (void *)0xffff888000001234ULL;
	exhibit.corners[1] = point;
	exhibit.word = 0x01020304;
	exhibit.wide = ((unsigned __int128)7 << 64) | 9;
	bpf_map_update_elem(&exhibits, &place, &exhibit, BPF_ANY);
	place.room = 3;
	exhibit.color = 5;
	exhibit.pointer = NULL;
	exhibit.wide = 10;
	exhibit.label[0] = 1;
	bpf_map_update_elem(&exhibits, &place, &exhibit, BPF_ANY);

	bpf_map_update_elem(&visitors, &door, &point, BPF_ANY);
	bytes = bpf_map_lookup_elem(&untyped, &zero);
	if (bytes)
		__builtin_memcpy(bytes, "0123456789abcdefghij", 20);
	bytes = bpf_map_lookup_elem(&untyped_percpu, &zero);
	if (bytes)
		__builtin_memcpy(bytes, "abcdef", 6);
	opened += walls;
	entrance = point;
	return XDP_PASS;
}

LICENSE("GPL");
