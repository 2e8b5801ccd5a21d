// Values that only the running kernel knows: .kconfig options (one of them weak) and the address of a weak kernel symbol.
#include "../include/kernel.h"

extern unsigned int LINUX_KERNEL_VERSION __kconfig;
extern _Bool CONFIG_BPF_SYSCALL __kconfig;
extern int CONFIG_HZ __kconfig;
extern int CONFIG_NOT_THERE __kconfig __weak;
extern const void no_such_symbol __ksym __weak;

__u32 version;
__u32 hz;
_Bool has_syscall, has_option, has_symbol;

SEC("raw_tracepoint/sys_exit")
int read_kconfig(struct bpf_raw_tracepoint_args *ctx)
{
	version = LINUX_KERNEL_VERSION;
	hz = CONFIG_HZ;
	has_syscall = CONFIG_BPF_SYSCALL;
	has_option = CONFIG_NOT_THERE != 0;
	has_symbol = &no_such_symbol != NULL;
	return 0;
}

LICENSE("GPL");
