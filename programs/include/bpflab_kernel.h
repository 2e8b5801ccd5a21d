// The kernel types that bpflab brings along: structs that the simulated kernel has content for, contexts of iterators, and a
// choice of functions, tracepoints and hooks to attach to. Names and prototypes are those of Linux 6.12; structs have the
// members that are filled, and no others, so that CO-RE tells programs what is not there. Structs that are only named stay
// opaque. For bpflab's own reader of C (src/btf/c-read.ts), which knows TRACEPOINT;
// scripts/kernel-types.js makes src/kernel/kernel-types-data.ts of it.
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

// As in a map's memory; the types of maps embed it.
struct bpf_map {
	const struct bpf_map_ops *ops;
	struct bpf_map *inner_map_meta;
	void *security;
	u32 map_type;
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
int bpf_iter_task(struct bpf_iter_meta *meta, struct task_struct *task);
int bpf_iter_bpf_map(struct bpf_iter_meta *meta, struct bpf_map *map);
int bpf_iter_bpf_map_elem(struct bpf_iter_meta *meta, struct bpf_map *map, void *key, void *value);

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
int bpf_lsm_bprm_check_security(struct linux_binprm *bprm);
int bpf_lsm_file_open(struct file *file);
int bpf_lsm_socket_connect(struct socket *sock, struct sockaddr *address, int addrlen);
int bpf_lsm_task_alloc(struct task_struct *task, unsigned long clone_flags);
int bpf_lsm_task_kill(struct task_struct *p, struct kernel_siginfo *info, int sig, const struct cred *cred);
