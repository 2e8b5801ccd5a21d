// Iterators: what programs, maps, links and tasks there are, and what a map holds, as text. Each object is one line;
// the last call, without an object, has the number of the last one.
#include "../include/kernel.h"

#define CORE __attribute__((preserve_access_index))
#define PRINT(seq, format, ...)                                                                \
	({                                                                                     \
		static const char text[] = format;                                             \
		__u64 values[] = { __VA_ARGS__ };                                              \
		bpf_seq_printf(seq, text, sizeof(text), values, sizeof(values));               \
	})

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
} CORE;

struct bpf_map {
	__u32 id;
	__u32 max_entries;
	char name[16];
} CORE;

struct bpf_prog_aux {
	__u32 id;
	char name[16];
	const char *attach_func_name;
} CORE;

struct bpf_prog {
	__u32 len;
	struct bpf_prog_aux *aux;
} CORE;

struct bpf_link {
	__u32 id;
	struct bpf_prog *prog;
} CORE;

struct bpf_iter__bpf_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
} CORE;

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
} CORE;

struct bpf_iter__bpf_prog {
	struct bpf_iter_meta *meta;
	struct bpf_prog *prog;
} CORE;

struct bpf_iter__bpf_link {
	struct bpf_iter_meta *meta;
	struct bpf_link *link;
} CORE;

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} CORE;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u32);
} slots SEC(".maps");

SEC("iter/bpf_map")
int maps(struct bpf_iter__bpf_map *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct bpf_map *map = ctx->map;

	if (!map) {
		PRINT(seq, "%llu maps\n", ctx->meta->seq_num + 1);
		return 0;
	}
	PRINT(seq, "%u %s %u\n", map->id, (__u64)map->name, map->max_entries);
	return 0;
}

SEC("iter/bpf_prog")
int programs(struct bpf_iter__bpf_prog *ctx)
{
	struct bpf_prog *prog = ctx->prog;

	if (!prog)
		return 0;
	PRINT(ctx->meta->seq, "%u %s %s\n", prog->aux->id, (__u64)prog->aux->name, (__u64)prog->aux->attach_func_name);
	return 0;
}

SEC("iter/bpf_link")
int links(struct bpf_iter__bpf_link *ctx)
{
	struct bpf_link *link = ctx->link;

	if (link)
		PRINT(ctx->meta->seq, "%u %s\n", link->id, (__u64)link->prog->aux->name);
	return 0;
}

SEC("iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task)
		PRINT(ctx->meta->seq, "%d %d %s\n", task->pid, task->tgid, (__u64)task->comm);
	return 0;
}

// Doubles every value that it shows.
SEC("iter/bpf_map_elem")
int elements(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	__u32 *key = ctx->key;
	__u64 *value = ctx->value;

	if (!key || !value) {
		PRINT(seq, "end at %llu\n", ctx->meta->seq_num);
		return 0;
	}
	PRINT(seq, "%u: %llu\n", *key, *value);
	*value *= 2;
	return 0;
}

// Writes the bytes of key and of the first two CPUs' values, as they are.
SEC("iter/bpf_map_elem")
int raw_elements(struct bpf_iter__bpf_map_elem *ctx)
{
	void *value = ctx->value;
	void *key = ctx->key;

	if (!key || !value)
		return 0;
	bpf_seq_write(ctx->meta->seq, key, 4);
	bpf_seq_write(ctx->meta->seq, value, 16);
	return 0;
}

__u32 record_bytes;
__u32 shown;
char record[4096];

// A record of many bytes for each element: what a buffer of 32 KiB makes of it.
SEC("iter/bpf_map_elem")
int big_records(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 left = record_bytes;

	if (!ctx->value)
		return 0;
	shown++;
	for (int i = 0; i < 16 && left > 0; i++) {
		__u32 size = left < sizeof(record) ? left : sizeof(record);

		if (bpf_seq_write(ctx->meta->seq, record, size))
			return 0;
		left -= size;
	}
	return 0;
}

__u32 retries;

// Asks to be called again for an element so many times.
SEC("iter/bpf_map_elem")
int again(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 *key = ctx->key;

	if (!key)
		return 0;
	if (retries > 0) {
		retries--;
		return 1;
	}
	PRINT(ctx->meta->seq, "%u\n", *key);
	return 0;
}

LICENSE("GPL");
