// Global variables of every kind of data section, scalars, arrays, structs and enumerations, read and written by a
// system call tracepoint.
#include "../include/kernel.h"

enum mode { MODE_OFF, MODE_COUNT, MODE_SUM };

struct limits {
	__u32 low;
	__u32 high;
	struct {
		__u8 strict : 1;
		__u8 level : 3;
	} flags;
};

const volatile struct limits limits = { .low = 1, .high = 1000 };
const volatile enum mode mode = MODE_COUNT;
const volatile __s64 weights[4] = { 1, 10, 100, 1000 };

__u64 seen = 5;
static volatile __u32 out_of_range;
char last_comm[16];
__u64 custom_counter SEC(".data.custom") = 7;

SEC("tp/syscalls/sys_enter_write")
int on_write(struct trace_event_raw_sys_enter *ctx)
{
	const __u64 bytes = ctx->args[2];

	if (bytes < limits.low || bytes > limits.high) {
		out_of_range++;
		return 0;
	}
	if (mode == MODE_COUNT)
		seen++;
	else if (mode == MODE_SUM)
		seen += bytes * weights[bytes & 3];
	custom_counter += limits.flags.level;
	bpf_get_current_comm(last_comm, sizeof(last_comm));
	return 0;
}

LICENSE("Dual MIT/GPL");
