/**
 * Kernel functions that tracing and LSM programs attach to, as far as rules depend on their names: what may sleep, what may be modified,
 * what must not be traced, and what the context of iterators holds. Names of Linux 6.12's kernel/bpf/bpf_lsm.c, kernel/bpf/verifier.c, and
 * of the iterators' registrations (bpf_iter_reg_target).
 */

/** Names with a prefix in front, from a list parted by spaces. */
function named(prefix: string, names: string): ReadonlySet<string> {
  return new Set(names.split(' ').map((name) => prefix + name));
}

/** LSM hooks that are called where sleeping is allowed. */
export const SLEEPABLE_LSM_HOOKS = named(
  'bpf_lsm_',
  'bpf bpf_map bpf_map_create bpf_map_free bpf_prog bpf_prog_load bpf_token_create bpf_token_free bpf_token_cmd bpf_token_capable bprm_check_security bprm_committed_creds bprm_committing_creds bprm_creds_for_exec bprm_creds_from_file capget capset cred_prepare file_ioctl file_lock file_open file_post_open file_receive inode_create inode_free_security inode_getattr inode_getxattr inode_mknod inode_need_killpriv inode_post_setxattr inode_readlink inode_rename inode_rmdir inode_setattr inode_setxattr inode_symlink inode_unlink kernel_module_request kernel_read_file kernfs_init_security path_unlink path_mkdir path_rmdir path_truncate path_symlink path_link path_rename path_chmod path_chown mmap_file netlink_send path_notify release_secctx sb_alloc_security sb_eat_lsm_opts sb_kern_mount sb_mount sb_remount sb_set_mnt_opts sb_show_options sb_statfs sb_umount settime socket_accept socket_bind socket_connect socket_create socket_getpeername socket_getpeersec_dgram socket_getsockname socket_getsockopt socket_listen socket_post_create socket_recvmsg socket_sendmsg socket_shutdown socket_socketpair syslog task_alloc current_getsecid_subj task_getsecid_obj task_prctl task_setscheduler userns_create',
);

/** LSM hooks that programs may not attach to. */
export const DISABLED_LSM_HOOKS = named(
  'bpf_lsm_',
  'vm_enough_memory inode_need_killpriv inode_getsecurity inode_listsecurity inode_copy_up_xattr getselfattr getprocattr setprocattr key_getsecurity audit_rule_match xfrm_decode_session ismaclabel',
);

/** LSM hooks whose arguments may be half-built or half-freed objects. */
export const UNTRUSTED_LSM_HOOKS = named(
  'bpf_lsm_',
  'bpf_map_free bpf_prog_free file_alloc_security file_free_security sk_alloc_security sk_free_security task_free',
);

/** LSM hooks that answer yes or no; the others return 0 or a negative error. */
export const BOOLEAN_LSM_HOOKS = named(
  'bpf_lsm_',
  'xfrm_state_pol_flow_match audit_rule_known inode_xattr_skipcap',
);

/** Functions that tracing programs must not enter (btf_id_deny): the trampoline itself needs them. */
export const UNTRACEABLE_FUNCTIONS = named('', 'migrate_disable migrate_enable rcu_read_unlock_strict');

/** Functions that do not return, so that there is nothing to attach to at their end (noreturn_deny). */
export const NORETURN_FUNCTIONS = named(
  '',
  '__ia32_sys_exit __ia32_sys_exit_group __module_put_and_kthread_exit __x64_sys_exit __x64_sys_exit_group do_exit do_group_exit kthread_complete_and_exit kthread_exit make_task_dead',
);

/** System calls and a few others may be made to fail (the kernel's error injection list). */
function isErrorInjectable(name: string): boolean {
  return /^__(x64|ia32|x32_compat|ia32_compat)_sys_/.test(name) || ERROR_INJECTABLE.has(name);
}
const ERROR_INJECTABLE = named(
  '',
  'should_failslab should_fail_alloc_page should_fail_bio __filemap_add_folio open_ctree btrfs_cow_block bpf_modify_return_test',
);
/** Functions that are registered for it, most of them of the kernel's own tests. */
const REGISTERED = named(
  '',
  'bpf_modify_return_test bpf_modify_return_test2 bpf_modify_return_test_tp bpf_fentry_test1 bpf_fentry_test10 update_socket_protocol',
);

/** A program may replace what this function returns (fmod_ret). */
export function isModifiable(name: string): boolean {
  return name.startsWith('security_') || isErrorInjectable(name) || REGISTERED.has(name);
}

/** A tracing program on this function may sleep. */
export function isSleepableFunction(name: string): boolean {
  const atomic =
    name === 'should_failslab' || name === 'should_fail_alloc_page' || name === '__filemap_add_folio';
  return (isErrorInjectable(name) && !atomic) || name === 'bpf_fentry_test1';
}

/** What an iterator's context holds at an offset: a kernel struct, or a buffer. */
export interface IteratorArg {
  readonly offset: number;
  /** Kernel struct (without `struct`) that may be NULL, or a buffer that may be NULL. */
  readonly struct?: string;
  readonly buffer?: 'rdonly' | 'rdwr';
  readonly trusted?: boolean;
}

/** Iterators whose programs may also get and set socket options (bpf_iter_tcp_get_func_proto, bpf_iter_unix_get_func_proto). */
export const SOCKOPT_ITERATORS: readonly string[] = ['tcp', 'unix'];

/** Iterators by name, with what is special about their contexts. */
export const ITERATOR_TARGETS: Readonly<Record<string, readonly IteratorArg[]>> = {
  ksym: [{ offset: 8, struct: 'kallsym_iter' }],
  bpf_prog: [{ offset: 8, struct: 'bpf_prog' }],
  cgroup: [{ offset: 8, struct: 'cgroup', trusted: true }],
  task: [{ offset: 8, struct: 'task_struct', trusted: true }],
  task_file: [
    { offset: 8, struct: 'task_struct' },
    { offset: 24, struct: 'file' },
  ],
  task_vma: [
    { offset: 8, struct: 'task_struct' },
    { offset: 16, struct: 'vm_area_struct' },
  ],
  bpf_map: [{ offset: 8, struct: 'bpf_map', trusted: true }],
  bpf_map_elem: [
    { offset: 16, buffer: 'rdonly' },
    { offset: 24, buffer: 'rdwr' },
  ],
  bpf_link: [{ offset: 8, struct: 'bpf_link' }],
  netlink: [{ offset: 8, struct: 'netlink_sock' }],
  ipv6_route: [{ offset: 8, struct: 'fib6_info' }],
  sockmap: [
    { offset: 16, buffer: 'rdonly' },
    { offset: 24, struct: 'sock' },
  ],
  bpf_sk_storage_map: [
    { offset: 16, struct: 'sock' },
    { offset: 24, buffer: 'rdwr' },
  ],
  unix: [{ offset: 8, struct: 'unix_sock' }],
  tcp: [{ offset: 8, struct: 'sock_common', trusted: true }],
  udp: [{ offset: 8, struct: 'udp_sock', trusted: true }],
};

/**
 * Tracepoints some of whose arguments may be NULL although nothing in their type says so, as masks of four bits an argument: 1 may be
 * NULL, 2 may be an error number (raw_tp_null_args in kernel/bpf/btf.c).
 */
export const NULLABLE_TRACEPOINT_ARGS: Readonly<Record<string, number>> = {
  sched_pi_setprio: 0x10,
  sched_process_wait: 0x1,
  sched_stick_numa: 0x100,
  sched_swap_numa: 0x100,
  afs_make_fs_call: 0x10,
  afs_make_fs_calli: 0x10,
  afs_make_fs_call1: 0x10,
  afs_make_fs_call2: 0x10,
  afs_protocol_error: 0x1,
  afs_flock_ev: 0x10,
  cachefiles_lookup: 0x1 | 0x200,
  cachefiles_unlink: 0x1,
  cachefiles_rename: 0x1,
  cachefiles_prep_read: 0x1,
  cachefiles_mark_active: 0x1,
  cachefiles_mark_failed: 0x1,
  cachefiles_mark_inactive: 0x1,
  cachefiles_vfs_error: 0x1,
  cachefiles_io_error: 0x1,
  cachefiles_ondemand_open: 0x1,
  cachefiles_ondemand_copen: 0x1,
  cachefiles_ondemand_close: 0x1,
  cachefiles_ondemand_read: 0x1,
  cachefiles_ondemand_cread: 0x1,
  cachefiles_ondemand_fd_write: 0x1,
  cachefiles_ondemand_fd_release: 0x1,
  ext4_mballoc_discard: 0x10,
  ext4_mballoc_free: 0x10,
  fib_table_lookup: 0x100,
  posix_lock_inode: 0x10,
  fcntl_setlk: 0x10,
  locks_remove_posix: 0x10,
  flock_lock_inode: 0x10,
  break_lease_noblock: 0x10,
  break_lease_block: 0x10,
  break_lease_unblock: 0x10,
  generic_delete_lease: 0x10,
  time_out_leases: 0x10,
  host1x_cdma_push_gather: 0x10000,
  mm_khugepaged_scan_pmd: 0x10,
  mm_collapse_huge_page_isolate: 0x1,
  mm_khugepaged_scan_file: 0x10,
  mm_khugepaged_collapse_file: 0x10,
  mm_page_alloc: 0x1,
  mm_page_pcpu_drain: 0x1,
  mm_page_alloc_zone_locked: 0x1,
  netfs_failure: 0x10,
  device_pm_callback_start: 0x10,
  qdisc_dequeue: 0x1000,
  rxrpc_recvdata: 0x1,
  rxrpc_resend: 0x10,
  signal_generate: 0x20,
  signal_deliver: 0x20,
  kfree_skb: 0x1000,
  xs_stream_read_data: 0x1,
  xprt_reserve_cong: 0x10,
  xprt_release_cong: 0x10,
  xprt_get_cong: 0x10,
  xprt_put_cong: 0x10,
  tcp_send_reset: 0x11,
  tegra_dma_tx_status: 0x100,
  tmigr_update_events: 0x1,
  writeback_dirty_folio: 0x10,
  folio_wait_writeback: 0x10,
  mr_integ_alloc: 0x2000,
  bpf_testmod_test_read: 0x0,
};
