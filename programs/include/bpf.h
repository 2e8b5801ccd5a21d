// What a BPF program needs from its surroundings: integer types, section and map macros, the helper functions that
// the programs of this folder call, and kernel constants. The names are those of the kernel's and libbpf's headers.
#pragma once

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;

#define NULL ((void *)0)
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name
#define __array(name, value) typeof(value) *name[]
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))
#define __weak __attribute__((weak))
#define __ksym __attribute__((section(".ksyms")))
#define __kconfig __attribute__((section(".kconfig")))
#define LICENSE(text) char _license[] SEC("license") = text

// enum bpf_map_type
#define BPF_MAP_TYPE_HASH 1
#define BPF_MAP_TYPE_ARRAY 2
#define BPF_MAP_TYPE_PROG_ARRAY 3
#define BPF_MAP_TYPE_PERF_EVENT_ARRAY 4
#define BPF_MAP_TYPE_PERCPU_HASH 5
#define BPF_MAP_TYPE_PERCPU_ARRAY 6
#define BPF_MAP_TYPE_LRU_HASH 9
#define BPF_MAP_TYPE_LRU_PERCPU_HASH 10
#define BPF_MAP_TYPE_ARRAY_OF_MAPS 12
#define BPF_MAP_TYPE_HASH_OF_MAPS 13
#define BPF_MAP_TYPE_RINGBUF 27
#define BPF_MAP_TYPE_STACK_TRACE 7
#define BPF_MAP_TYPE_CGROUP_ARRAY 8
#define BPF_MAP_TYPE_DEVMAP 14
#define BPF_MAP_TYPE_CPUMAP 16
#define BPF_MAP_TYPE_XSKMAP 17
#define BPF_MAP_TYPE_CGROUP_STORAGE 19
#define BPF_MAP_TYPE_TASK_STORAGE 29

#define BPF_ANY 0
#define BPF_NOEXIST 1
#define BPF_EXIST 2
#define BPF_F_NO_PREALLOC 1
#define BPF_F_BROADCAST 8
#define BPF_F_EXCLUDE_INGRESS 16
#define BPF_F_USER_STACK 256
#define BPF_LOCAL_STORAGE_GET_F_CREATE 1
#define BPF_F_CURRENT_CPU 0xffffffffULL
#define LIBBPF_PIN_BY_NAME 1

enum xdp_action { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT };
#define TC_ACT_OK 0
#define TC_ACT_SHOT 2

struct bpf_spin_lock {
	__u32 val;
};

// Helper functions by number (include/uapi/linux/bpf.h, ___BPF_FUNC_MAPPER).
#define HELPER(number, type, name, ...) static type (*const name)(__VA_ARGS__) = (void *)number

HELPER(1, void *, bpf_map_lookup_elem, void *map, const void *key);
HELPER(2, long, bpf_map_update_elem, void *map, const void *key, const void *value, __u64 flags);
HELPER(3, long, bpf_map_delete_elem, void *map, const void *key);
HELPER(5, __u64, bpf_ktime_get_ns, void);
HELPER(6, long, bpf_trace_printk, const char *format, __u32 format_size, ...);
HELPER(7, __u32, bpf_get_prandom_u32, void);
HELPER(8, __u32, bpf_get_smp_processor_id, void);
HELPER(12, long, bpf_tail_call, void *ctx, void *prog_array, __u32 index);
HELPER(14, __u64, bpf_get_current_pid_tgid, void);
HELPER(15, __u64, bpf_get_current_uid_gid, void);
HELPER(16, long, bpf_get_current_comm, void *buffer, __u32 size);
HELPER(25, long, bpf_perf_event_output, void *ctx, void *map, __u64 flags, void *data, __u64 size);
HELPER(26, long, bpf_skb_load_bytes, const void *skb, __u32 offset, void *to, __u32 size);
HELPER(27, long, bpf_get_stackid, void *ctx, void *map, __u64 flags);
HELPER(35, __u64, bpf_get_current_task, void);
HELPER(37, long, bpf_current_task_under_cgroup, void *map, __u32 index);
HELPER(51, long, bpf_redirect_map, void *map, __u64 key, __u64 flags);
HELPER(81, void *, bpf_get_local_storage, void *map, __u64 flags);
HELPER(93, long, bpf_spin_lock, struct bpf_spin_lock *lock);
HELPER(94, long, bpf_spin_unlock, struct bpf_spin_lock *lock);
HELPER(101, long, bpf_sysctl_get_name, void *ctx, char *buffer, __u64 size, __u64 flags);
HELPER(102, long, bpf_sysctl_get_current_value, void *ctx, char *buffer, __u64 size);
HELPER(103, long, bpf_sysctl_get_new_value, void *ctx, char *buffer, __u64 size);
HELPER(104, long, bpf_sysctl_set_new_value, void *ctx, const char *buffer, __u64 size);
HELPER(105, long, bpf_strtol, const char *text, __u64 length, __u64 flags, long *result);
HELPER(112, long, bpf_probe_read_user, void *to, __u32 size, const void *from);
HELPER(113, long, bpf_probe_read_kernel, void *to, __u32 size, const void *from);
HELPER(114, long, bpf_probe_read_user_str, void *to, __u32 size, const void *from);
HELPER(126, long, bpf_seq_printf, void *seq, const char *format, __u32 format_size, const void *values, __u32 size);
HELPER(127, long, bpf_seq_write, void *seq, const void *data, __u32 size);
HELPER(131, void *, bpf_ringbuf_reserve, void *ringbuf, __u64 size, __u64 flags);
HELPER(132, void, bpf_ringbuf_submit, void *record, __u64 flags);
HELPER(133, void, bpf_ringbuf_discard, void *record, __u64 flags);
HELPER(156, void *, bpf_task_storage_get, void *map, void *task, void *value, __u64 flags);
HELPER(157, long, bpf_task_storage_delete, void *map, void *task);
HELPER(158, void *, bpf_get_current_task_btf, void);
HELPER(164, long, bpf_for_each_map_elem, void *map, void *callback, void *context, __u64 flags);
HELPER(165, long, bpf_snprintf, char *text, __u32 size, const char *format, __u64 *data, __u32 data_size);
HELPER(177, long, bpf_trace_vprintk, const char *format, __u32 format_size, const void *data, __u32 data_size);
HELPER(181, long, bpf_loop, __u32 times, void *callback, void *context, __u64 flags);
HELPER(182, long, bpf_strncmp, const char *text, __u32 size, const char *other);
HELPER(186, int, bpf_get_retval, void);
HELPER(187, int, bpf_set_retval, int retval);
HELPER(195, void *, bpf_map_lookup_percpu_elem, void *map, const void *key, __u32 cpu);

#define bpf_printk(format, ...)                                              \
	({                                                                   \
		static const char text[] = format;                           \
		bpf_trace_printk(text, sizeof(text), ##__VA_ARGS__);         \
	})

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define bpf_htons(x) __builtin_bswap16(x)
#define bpf_htonl(x) __builtin_bswap32(x)
#else
#define bpf_htons(x) (x)
#define bpf_htonl(x) (x)
#endif
#define bpf_ntohs bpf_htons
#define bpf_ntohl bpf_htonl
