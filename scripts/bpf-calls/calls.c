// Carries out a script of bpf(2) calls on the kernel that it runs on and prints what each step answered, one line a step. It is
// started inside a virtual machine by record.sh, never on a developer's own kernel. The script comes from
// test/kernel/syscall/scenarios; test/kernel/syscall/replay.ts carries the same one out on the simulated kernel.
//
// Steps, words separated by single spaces; variables hold numbers, buffers end where the memory of the process ends:
//   S NAME                       a new scenario: descriptors, buffers and variables of the one before go
//   B BUFFER SIZE HEX            makes a buffer, its first bytes given ('-' for none)
//   W BUFFER OFFSET KIND NAME    writes a variable (f, 4 bytes) or a buffer's address (p, 8 bytes) into a buffer
//   O VARIABLE PATH              open(2)
//   M PATH / U PATH              mkdir(2) / unlink(2) or rmdir(2)
//   P VARIABLE KIND NAME         a perf event: tracepoint CATEGORY/NAME, kprobe SYMBOL, kretprobe SYMBOL
//   X VARIABLE                   close(2)
//   E VARIABLE SIZE              read(2); prints the result and the bytes
//   I VARIABLE NAME              the id of a function in the kernel's BTF
//   G PATH                       moves the process to a cgroup
//   N VARIABLE FAMILY TYPE       socket(2)
//   Y CALL VARIABLE PORT         bind or connect, to 127.0.0.1 or ::1 by the socket's family
//   Q CALL VARIABLE              getsockname or getpeername; prints the port
//   R VARIABLE BUFFER OFFSET     reads a 4-byte number into a variable
//   A VARIABLE OFFSET            the same from the attributes of the last call
//   D BUFFER OFFSET SIZE MASK…   prints a buffer; MASK OFFSET:SIZE is printed as zeros
//   C VARIABLE COMMAND SIZE HEX WORD…   bpf(2); WORD f:OFFSET:VARIABLE and p:OFFSET:BUFFER+DELTA are put into the attributes,
//                                m:OFFSET:SIZE is printed as zeros; prints the result, and the attributes if they changed
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <net/if.h>
#include <sys/socket.h>
#include <linux/btf.h>
#include <linux/perf_event.h>

#define PAGE 4096
#define MAX 256
#define ATTR_MAX 8192

struct buffer {
	char name[64];
	unsigned char *at, *map;
	size_t size, mapped;
};
struct variable {
	char name[64];
	long value;
};

static struct buffer buffers[MAX];
static struct variable variables[MAX];
static int nbuffers, nvariables;
static unsigned char last_attr[ATTR_MAX];

static struct variable *variable(const char *name)
{
	for (int i = 0; i < nvariables; i++)
		if (!strcmp(variables[i].name, name))
			return &variables[i];
	snprintf(variables[nvariables].name, sizeof(variables[0].name), "%s", name);
	variables[nvariables].value = -1;
	return &variables[nvariables++];
}

static struct buffer *buffer(const char *name)
{
	for (int i = 0; i < nbuffers; i++)
		if (!strcmp(buffers[i].name, name))
			return &buffers[i];
	fprintf(stderr, "no buffer %s\n", name);
	exit(2);
}

static void from_hex(const char *hex, unsigned char *out, size_t room)
{
	unsigned byte;

	for (size_t i = 0; i < room && sscanf(hex, "%2x", &byte) == 1; i++, hex += 2)
		out[i] = byte;
}

static void print_hex(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", bytes[i]);
}

static void make_buffer(const char *name, size_t size, const char *hex)
{
	struct buffer *b = &buffers[nbuffers++];

	snprintf(b->name, sizeof(b->name), "%s", name);
	b->size = size;
	b->mapped = (size + PAGE - 1) / PAGE * PAGE + PAGE;
	b->map = mmap(NULL, b->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(b->map + b->mapped - PAGE, PAGE, PROT_NONE);
	b->at = b->map + b->mapped - PAGE - size;
	from_hex(hex, b->at, size);
}

static long join(const char *path);

static void clear(void)
{
	join("/sys/fs/cgroup");
	for (int i = 0; i < nbuffers; i++)
		munmap(buffers[i].map, buffers[i].mapped);
	nbuffers = nvariables = 0;
	for (int fd = 3; fd < 64; fd++)
		close(fd);
}

// Applies "f:OFFSET:NAME" and "p:OFFSET:NAME+DELTA" to bytes.
static void patch(unsigned char *bytes, char kind, unsigned offset, char *name)
{
	if (kind == 'f') {
		int32_t value = variable(name)->value;
		memcpy(bytes + offset, &value, 4);
	} else {
		char *plus = strchr(name, '+');
		long delta = plus ? strtol(plus + 1, NULL, 10) : 0;
		uint64_t address;

		if (plus)
			*plus = 0;
		address = (uintptr_t)buffer(name)->at + delta;
		memcpy(bytes + offset, &address, 8);
	}
}

static void call(char *words)
{
	static unsigned char given[ATTR_MAX], masked[ATTR_MAX];
	char *save, *name = strtok_r(words, " ", &save);
	int command = atoi(strtok_r(NULL, " ", &save));
	unsigned size = strtoul(strtok_r(NULL, " ", &save), NULL, 10);
	char *hex = strtok_r(NULL, " ", &save), *word;
	unsigned masks[16][2], nmasks = 0, shown = size < 152 ? size : 152;
	long result;

	memset(last_attr, 0, sizeof(last_attr));
	from_hex(hex, last_attr, sizeof(last_attr));
	while ((word = strtok_r(NULL, " ", &save))) {
		char kind, rest[64];
		unsigned offset;

		if (sscanf(word, "%c:%u:%63s", &kind, &offset, rest) != 3)
			continue;
		if (kind == 'm') {
			masks[nmasks][0] = offset;
			masks[nmasks++][1] = strtoul(rest, NULL, 10);
		} else {
			patch(last_attr, kind, offset, rest);
		}
	}
	memcpy(given, last_attr, sizeof(given));
	result = syscall(SYS_bpf, command, last_attr, size);
	if (result < 0)
		result = -errno;
	variable(name)->value = result;
	printf("%ld", result);
	memcpy(masked, last_attr, sizeof(masked));
	for (unsigned i = 0; i < nmasks; i++)
		memset(masked + masks[i][0], 0, masks[i][1]);
	for (unsigned i = 0; i < nmasks; i++)
		memset(given + masks[i][0], 0, masks[i][1]);
	for (unsigned i = 0; i < shown; i++)
		if (masked[i] != given[i])
			printf(" %u=%02x", i, masked[i]);
	puts("");
}

static int perf_event(const char *kind, const char *name)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .sample_period = 1, .wakeup_events = 1 };
	char path[512], text[32] = "";
	int fd, retprobe = !strcmp(kind, "kretprobe");

	if (!strcmp(kind, "tracepoint"))
		snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/id", name);
	else
		snprintf(path, sizeof(path), "/sys/bus/event_source/devices/kprobe/type");
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -errno;
	close(fd);
	if (!strcmp(kind, "tracepoint")) {
		attr.type = PERF_TYPE_TRACEPOINT;
		attr.config = atoi(text);
	} else {
		attr.type = atoi(text);
		attr.config = retprobe;
		attr.kprobe_func = (uintptr_t)name;
	}
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

// The id of a function: types follow each other, with more words the longer their kind's list of members is.
static long btf_id(const char *name)
{
	static char *btf;
	struct btf_header *h;
	struct btf_type *t;
	long id = 0;

	if (!btf) {
		struct stat st;
		int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY);

		if (fd < 0 || fstat(fd, &st))
			return -errno;
		btf = malloc(st.st_size);
		for (off_t got = 0, n; got < st.st_size; got += n)
			if ((n = read(fd, btf + got, st.st_size - got)) <= 0)
				return -EIO;
		close(fd);
	}
	h = (void *)btf;
	t = (void *)(btf + h->hdr_len + h->type_off);
	while ((char *)t < btf + h->hdr_len + h->type_off + h->type_len) {
		unsigned vlen = BTF_INFO_VLEN(t->info), extra = 0;

		id++;
		switch (BTF_INFO_KIND(t->info)) {
		case BTF_KIND_FUNC:
			if (!strcmp(btf + h->hdr_len + h->str_off + t->name_off, name))
				return id;
			break;
		case BTF_KIND_INT: case BTF_KIND_VAR: case BTF_KIND_DECL_TAG:
			extra = 4;
			break;
		case BTF_KIND_ARRAY:
			extra = sizeof(struct btf_array);
			break;
		case BTF_KIND_STRUCT: case BTF_KIND_UNION: case BTF_KIND_ENUM64: case BTF_KIND_DATASEC:
			extra = 12 * vlen;
			break;
		case BTF_KIND_ENUM: case BTF_KIND_FUNC_PROTO:
			extra = 8 * vlen;
			break;
		}
		t = (void *)(t + 1) + extra;
	}
	return -ENOENT;
}

static long read_step(const char *name, unsigned size)
{
	unsigned char *bytes = malloc(size + 1);
	long result = read(variable(name)->value, bytes, size);

	if (result < 0)
		result = -errno;
	printf("%ld ", result);
	print_hex(bytes, result > 0 ? result : 0);
	puts("");
	free(bytes);
	return result;
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

// bind or connect to the loopback address of the socket's family.
static long address_call(const char *call, int fd, int port)
{
	union address to = {};
	int domain = 0;
	socklen_t size = sizeof(domain);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
	to.any.sa_family = domain;
	if (domain == AF_INET) {
		to.v4.sin_port = htons(port);
		to.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		size = sizeof(to.v4);
	} else {
		to.v6.sin6_port = htons(port);
		to.v6.sin6_addr = in6addr_loopback;
		size = sizeof(to.v6);
	}
	if ((call[0] == 'b' ? bind : connect)(fd, &to.any, size))
		return -errno;
	return 0;
}

static long port_call(const char *call, int fd)
{
	union address of;
	socklen_t size = sizeof(of);

	if ((call[3] == 's' ? getsockname : getpeername)(fd, &of.any, &size))
		return -errno;
	return ntohs(of.any.sa_family == AF_INET ? of.v4.sin_port : of.v6.sin6_port);
}

static long join(const char *path)
{
	char file[512];
	int fd;
	long result = 0;

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	fd = open(file, O_WRONLY);
	if (fd < 0)
		return -errno;
	if (write(fd, "0", 1) < 0)
		result = -errno;
	close(fd);
	return result;
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
}

static void dump(char *words)
{
	char *save, *word;
	struct buffer *b = buffer(strtok_r(words, " ", &save));
	unsigned offset = atoi(strtok_r(NULL, " ", &save)), size = atoi(strtok_r(NULL, " ", &save)), from, count;
	unsigned char *copy = malloc(size);

	memcpy(copy, b->at + offset, size);
	while ((word = strtok_r(NULL, " ", &save)))
		if (sscanf(word, "%u:%u", &from, &count) == 2)
			memset(copy + from, 0, count);
	print_hex(copy, size);
	puts("");
	free(copy);
}

static long answer(int result)
{
	return result < 0 ? -errno : result;
}

static void step(char *line)
{
	char a[64], b[256], c[256];
	unsigned n;
	char *rest = line + 2;

	switch (line[0]) {
	case 'S':
		clear();
		printf("S %s\n", rest);
		return;
	case 'B': {
		char *hex = strchr(strchr(rest, ' ') + 1, ' ') + 1;

		sscanf(rest, "%63s %u", a, &n);
		make_buffer(a, n, hex);
		puts("-");
		return;
	}
	case 'W':
		sscanf(rest, "%63s %u %255s %255s", a, &n, b, c);
		patch(buffer(a)->at, b[0], n, c);
		puts("-");
		return;
	case 'O':
		sscanf(rest, "%63s %255s", a, b);
		printf("%ld\n", variable(a)->value = answer(open(b, O_RDONLY)));
		return;
	case 'M':
		printf("%ld\n", answer(mkdir(rest, 0755)));
		return;
	case 'U': {
		struct stat st;

		printf("%ld\n", answer(!lstat(rest, &st) && S_ISDIR(st.st_mode) ? rmdir(rest) : unlink(rest)));
		return;
	}
	case 'P':
		sscanf(rest, "%63s %255s %255s", a, b, c);
		printf("%ld\n", variable(a)->value = perf_event(b, c));
		return;
	case 'X':
		printf("%ld\n", answer(close(variable(rest)->value)));
		return;
	case 'E':
		sscanf(rest, "%63s %u", a, &n);
		read_step(a, n);
		return;
	case 'I':
		sscanf(rest, "%63s %255s", a, b);
		variable(a)->value = btf_id(b);
		puts(variable(a)->value > 0 ? "-" : "none");
		return;
	case 'G':
		printf("%ld\n", join(rest));
		return;
	case 'N':
		sscanf(rest, "%63s %255s %255s", a, b, c);
		n = !strcmp(c, "stream") ? SOCK_STREAM : SOCK_DGRAM;
		variable(a)->value = answer(socket(!strcmp(b, "inet6") ? AF_INET6 : AF_INET, n, 0));
		// What number it has is not the question.
		printf("%ld\n", variable(a)->value < 0 ? variable(a)->value : 0);
		return;
	case 'Y':
		sscanf(rest, "%255s %63s %u", b, a, &n);
		printf("%ld\n", address_call(b, variable(a)->value, n));
		return;
	case 'Q':
		sscanf(rest, "%255s %63s", b, a);
		printf("%ld\n", port_call(b, variable(a)->value));
		return;
	case 'R':
		sscanf(rest, "%63s %255s %u", a, b, &n);
		variable(a)->value = *(uint32_t *)(buffer(b)->at + n);
		puts("-");
		return;
	case 'A':
		sscanf(rest, "%63s %u", a, &n);
		variable(a)->value = *(uint32_t *)(last_attr + n);
		puts("-");
		return;
	case 'D':
		dump(rest);
		return;
	case 'C':
		call(rest);
		return;
	}
	fprintf(stderr, "no step %s\n", line);
	exit(2);
}

int main(int argc, char **argv)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct stat st;
	char *text, *save, *line;
	int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;

	if (fd < 0 || fstat(fd, &st))
		return 2;
	text = calloc(1, st.st_size + 1);
	for (off_t got = 0; got < st.st_size;) {
		ssize_t n = read(fd, text + got, st.st_size - got);

		if (n <= 0)
			return 2;
		got += n;
	}
	close(fd);
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	loopback_up();
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		step(line);
		fflush(stdout);
	}
	clear();
	return 0;
}
