// The kernel types that bpflab brings along: structs that the simulated kernel has content for, contexts of iterators, and a
// choice of functions, tracepoints and hooks to attach to. Names and prototypes are those of Linux 6.12; structs have the
// members that are filled, and no others, so that CO-RE tells programs what is not there. Structs that are only named stay
// opaque. For bpflab's own reader of C (src/btf/c-read.ts), which knows TRACEPOINT;
// scripts/kernel-types.js makes src/kernel/load/kernel-types-data.ts of it.
typedef _Bool bool;
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;
typedef int pid_t;
typedef unsigned long size_t;
typedef long ssize_t;
typedef long long loff_t;
typedef unsigned int fmode_t;

struct task_struct {
	unsigned int __state;
	unsigned int flags;
	int exit_state;
	int exit_code;
	char unused[48];
	pid_t pid;
	pid_t tgid;
	struct task_struct *real_parent;
	struct task_struct *parent;
	struct task_struct *group_leader;
	char comm[16];
	char unused_end[16];
};

enum bpf_map_type {
	BPF_MAP_TYPE_UNSPEC, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PROG_ARRAY,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_STACK_TRACE,
	BPF_MAP_TYPE_CGROUP_ARRAY, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH, BPF_MAP_TYPE_LPM_TRIE,
	BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_HASH_OF_MAPS, BPF_MAP_TYPE_DEVMAP, BPF_MAP_TYPE_SOCKMAP,
	BPF_MAP_TYPE_CPUMAP, BPF_MAP_TYPE_XSKMAP, BPF_MAP_TYPE_SOCKHASH, BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED,
	BPF_MAP_TYPE_CGROUP_STORAGE = 19, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE_DEPRECATED,
	BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE = 21, BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK, BPF_MAP_TYPE_SK_STORAGE,
	BPF_MAP_TYPE_DEVMAP_HASH, BPF_MAP_TYPE_STRUCT_OPS, BPF_MAP_TYPE_RINGBUF, BPF_MAP_TYPE_INODE_STORAGE,
	BPF_MAP_TYPE_TASK_STORAGE, BPF_MAP_TYPE_BLOOM_FILTER, BPF_MAP_TYPE_USER_RINGBUF, BPF_MAP_TYPE_CGRP_STORAGE,
	BPF_MAP_TYPE_ARENA, __MAX_BPF_MAP_TYPE
};

// As in a map's memory; the types of maps embed it.
struct bpf_map {
	const struct bpf_map_ops *ops;
	struct bpf_map *inner_map_meta;
	void *security;
	enum bpf_map_type map_type;
	u32 key_size;
	u32 value_size;
	u32 max_entries;
	u64 map_extra;
	u32 map_flags;
	u32 id;
	struct btf_record *record;
	int numa_node;
	u32 btf_key_type_id;
	u32 btf_value_type_id;
	u32 btf_vmlinux_value_type_id;
	struct btf *btf;
	struct obj_cgroup *objcg;
	char name[16];
	char unused[136];
};
struct bpf_array { struct bpf_map map; };
struct bpf_htab { struct bpf_map map; };
struct bpf_stack_map { struct bpf_map map; };
struct bpf_ringbuf_map { struct bpf_map map; };
struct bpf_queue_stack { struct bpf_map map; };
struct bpf_bloom_filter { struct bpf_map map; };
struct lpm_trie { struct bpf_map map; };
struct bpf_local_storage_map { struct bpf_map map; };

enum bpf_prog_type {
	BPF_PROG_TYPE_UNSPEC, BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_KPROBE, BPF_PROG_TYPE_SCHED_CLS,
	BPF_PROG_TYPE_SCHED_ACT, BPF_PROG_TYPE_TRACEPOINT, BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_PERF_EVENT,
	BPF_PROG_TYPE_CGROUP_SKB, BPF_PROG_TYPE_CGROUP_SOCK, BPF_PROG_TYPE_LWT_IN, BPF_PROG_TYPE_LWT_OUT,
	BPF_PROG_TYPE_LWT_XMIT, BPF_PROG_TYPE_SOCK_OPS, BPF_PROG_TYPE_SK_SKB, BPF_PROG_TYPE_CGROUP_DEVICE,
	BPF_PROG_TYPE_SK_MSG, BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_PROG_TYPE_LWT_SEG6LOCAL,
	BPF_PROG_TYPE_LIRC_MODE2, BPF_PROG_TYPE_SK_REUSEPORT, BPF_PROG_TYPE_FLOW_DISSECTOR, BPF_PROG_TYPE_CGROUP_SYSCTL,
	BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, BPF_PROG_TYPE_CGROUP_SOCKOPT, BPF_PROG_TYPE_TRACING,
	BPF_PROG_TYPE_STRUCT_OPS, BPF_PROG_TYPE_EXT, BPF_PROG_TYPE_LSM, BPF_PROG_TYPE_SK_LOOKUP, BPF_PROG_TYPE_SYSCALL,
	BPF_PROG_TYPE_NETFILTER, __MAX_BPF_PROG_TYPE
};
enum bpf_attach_type {
	BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS, BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_SOCK_OPS,
	BPF_SK_SKB_STREAM_PARSER, BPF_SK_SKB_STREAM_VERDICT, BPF_CGROUP_DEVICE, BPF_SK_MSG_VERDICT, BPF_CGROUP_INET4_BIND,
	BPF_CGROUP_INET6_BIND, BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT, BPF_CGROUP_INET4_POST_BIND,
	BPF_CGROUP_INET6_POST_BIND, BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG, BPF_LIRC_MODE2, BPF_FLOW_DISSECTOR,
	BPF_CGROUP_SYSCTL, BPF_CGROUP_UDP4_RECVMSG, BPF_CGROUP_UDP6_RECVMSG, BPF_CGROUP_GETSOCKOPT, BPF_CGROUP_SETSOCKOPT,
	BPF_TRACE_RAW_TP, BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_MODIFY_RETURN, BPF_LSM_MAC, BPF_TRACE_ITER,
	BPF_CGROUP_INET4_GETPEERNAME, BPF_CGROUP_INET6_GETPEERNAME, BPF_CGROUP_INET4_GETSOCKNAME,
	BPF_CGROUP_INET6_GETSOCKNAME, BPF_XDP_DEVMAP, BPF_CGROUP_INET_SOCK_RELEASE, BPF_XDP_CPUMAP, BPF_SK_LOOKUP,
	BPF_XDP, BPF_SK_SKB_VERDICT, BPF_SK_REUSEPORT_SELECT, BPF_SK_REUSEPORT_SELECT_OR_MIGRATE, BPF_PERF_EVENT,
	BPF_TRACE_KPROBE_MULTI, BPF_LSM_CGROUP, BPF_STRUCT_OPS, BPF_NETFILTER, BPF_TCX_INGRESS, BPF_TCX_EGRESS,
	BPF_TRACE_UPROBE_MULTI, BPF_CGROUP_UNIX_CONNECT, BPF_CGROUP_UNIX_SENDMSG, BPF_CGROUP_UNIX_RECVMSG,
	BPF_CGROUP_UNIX_GETPEERNAME, BPF_CGROUP_UNIX_GETSOCKNAME, BPF_NETKIT_PRIMARY, BPF_NETKIT_PEER,
	BPF_TRACE_KPROBE_SESSION, __MAX_BPF_ATTACH_TYPE
};
enum bpf_link_type {
	BPF_LINK_TYPE_UNSPEC, BPF_LINK_TYPE_RAW_TRACEPOINT, BPF_LINK_TYPE_TRACING, BPF_LINK_TYPE_CGROUP,
	BPF_LINK_TYPE_ITER, BPF_LINK_TYPE_NETNS, BPF_LINK_TYPE_XDP, BPF_LINK_TYPE_PERF_EVENT, BPF_LINK_TYPE_KPROBE_MULTI,
	BPF_LINK_TYPE_STRUCT_OPS, BPF_LINK_TYPE_NETFILTER, BPF_LINK_TYPE_TCX, BPF_LINK_TYPE_UPROBE_MULTI,
	BPF_LINK_TYPE_NETKIT, BPF_LINK_TYPE_SOCKMAP, __MAX_BPF_LINK_TYPE
};

struct bpf_prog_aux {
	u32 used_map_cnt;
	u32 attach_btf_id;
	u32 id;
	u32 func_info_cnt;
	u32 verified_insns;
	const char *attach_func_name;
	struct bpf_prog *dst_prog;
	struct btf *btf;
	struct bpf_func_info *func_info;
	struct bpf_prog *prog;
	u64 load_time;
	char name[16];
};
struct bpf_prog {
	enum bpf_prog_type type;
	enum bpf_attach_type expected_attach_type;
	u32 len;
	u8 tag[8];
	struct bpf_prog_aux *aux;
};
struct bpf_link {
	u32 id;
	enum bpf_link_type type;
	struct bpf_prog *prog;
};

struct seq_file {
	char *buf;
	size_t size;
	size_t from;
	size_t count;
};
struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
	u64 seq_num;
};
struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; };
struct bpf_iter__bpf_map { struct bpf_iter_meta *meta; struct bpf_map *map; };
struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};
struct bpf_iter__bpf_prog { struct bpf_iter_meta *meta; struct bpf_prog *prog; };
struct bpf_iter__bpf_link { struct bpf_iter_meta *meta; struct bpf_link *link; };
int bpf_iter_task(struct bpf_iter_meta *meta, struct task_struct *task);
int bpf_iter_bpf_map(struct bpf_iter_meta *meta, struct bpf_map *map);
int bpf_iter_bpf_map_elem(struct bpf_iter_meta *meta, struct bpf_map *map, void *key, void *value);
int bpf_iter_bpf_prog(struct bpf_iter_meta *meta, struct bpf_prog *prog);
int bpf_iter_bpf_link(struct bpf_iter_meta *meta, struct bpf_link *link);

TRACEPOINT(sys_enter, struct pt_regs *regs, long id);
TRACEPOINT(sys_exit, struct pt_regs *regs, long ret);
TRACEPOINT(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next, unsigned int prev_state);
TRACEPOINT(sched_wakeup, struct task_struct *p);
TRACEPOINT(sched_wakeup_new, struct task_struct *p);
TRACEPOINT(sched_waking, struct task_struct *p);
TRACEPOINT(sched_process_fork, struct task_struct *parent, struct task_struct *child);
TRACEPOINT(sched_process_exec, struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm);
TRACEPOINT(sched_process_exit, struct task_struct *p);
TRACEPOINT(sched_process_free, struct task_struct *p);
TRACEPOINT(task_newtask, struct task_struct *task, unsigned long clone_flags);
TRACEPOINT(task_rename, struct task_struct *task, const char *comm);
TRACEPOINT(signal_generate, int sig, struct kernel_siginfo *info, struct task_struct *task, int group, int result);
TRACEPOINT(kfree_skb, struct sk_buff *skb, void *location, unsigned int reason, struct sock *rx_sk);
TRACEPOINT(consume_skb, struct sk_buff *skb, void *location);
TRACEPOINT(netif_receive_skb, struct sk_buff *skb);
TRACEPOINT(net_dev_queue, struct sk_buff *skb);
TRACEPOINT(inet_sock_set_state, const struct sock *sk, const int oldstate, const int newstate);
TRACEPOINT(xdp_exception, const struct net_device *dev, const struct bpf_prog *xdp, u32 act);

int bpf_fentry_test1(int a);
int bpf_fentry_test2(int a, u64 b);
int bpf_fentry_test3(char a, int b, u64 c);
int bpf_fentry_test4(void *a, char b, int c, u64 d);
int bpf_fentry_test5(u64 a, void *b, short c, int d, u64 e);
int bpf_fentry_test6(u64 a, void *b, short c, int d, void *e, u64 f);
int bpf_modify_return_test(int a, int *b);
int do_unlinkat(int dfd, struct filename *name);
long do_sys_openat2(int dfd, const char *filename, struct open_how *how);
ssize_t vfs_read(struct file *file, char *buf, size_t count, loff_t *pos);
ssize_t vfs_write(struct file *file, const char *buf, size_t count, loff_t *pos);
int tcp_v4_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len);
int tcp_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);
void tcp_close(struct sock *sk, long timeout);
pid_t kernel_clone(struct kernel_clone_args *args);
void wake_up_new_task(struct task_struct *p);
void do_exit(long code);
long __x64_sys_clone(const struct pt_regs *regs);
long __x64_sys_connect(const struct pt_regs *regs);
long __x64_sys_execve(const struct pt_regs *regs);
long __x64_sys_getpgid(const struct pt_regs *regs);
long __x64_sys_kill(const struct pt_regs *regs);
long __x64_sys_nanosleep(const struct pt_regs *regs);
long __x64_sys_openat(const struct pt_regs *regs);
long __x64_sys_read(const struct pt_regs *regs);
long __x64_sys_unlinkat(const struct pt_regs *regs);
long __x64_sys_write(const struct pt_regs *regs);
int security_file_open(struct file *file);
int security_task_kill(struct task_struct *p, struct kernel_siginfo *info, int sig, const struct cred *cred);
int bpf_lsm_bpf(int cmd, union bpf_attr *attr, unsigned int size);
int bpf_lsm_bpf_map(struct bpf_map *map, fmode_t fmode);
int bpf_lsm_bpf_prog(struct bpf_prog *prog);
int bpf_lsm_bprm_check_security(struct linux_binprm *bprm);
void bpf_lsm_bprm_committed_creds(const struct linux_binprm *bprm);
int bpf_lsm_file_mprotect(struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot);
int bpf_lsm_file_open(struct file *file);
int bpf_lsm_inode_unlink(struct inode *inode, struct dentry *victim);
int bpf_lsm_socket_bind(struct socket *sock, struct sockaddr *address, int addrlen);
int bpf_lsm_socket_create(int family, int type, int protocol, int kern);
int bpf_lsm_socket_post_create(struct socket *sock, int family, int type, int protocol, int kern);
int bpf_lsm_socket_connect(struct socket *sock, struct sockaddr *address, int addrlen);
int bpf_lsm_task_alloc(struct task_struct *task, unsigned long clone_flags);
int bpf_lsm_task_kill(struct task_struct *p, struct kernel_siginfo *info, int sig, const struct cred *cred);
