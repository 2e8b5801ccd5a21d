#!/usr/bin/env bash
# Has the reference kernel (Linux 6.12 in QEMU) answer the scenarios of test/kernel/syscall and keeps its answers in
# fixtures/kernel-6.12/bpf-syscall.json. Needs gcc, qemu-system-x86_64, and in ORACLE_HOME (default ~/.cache/bpflab-oracle) a kernel as
# image/boot/vmlinuz-* and an initrd.gz that mounts a 9p share `share` at /mnt, the bpffs, tracefs and cgroup2, and runs ./job.sh there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
home=${ORACLE_HOME:-$HOME/.cache/bpflab-oracle}
share=$(mktemp -d) && trap 'rm -rf "$share"' EXIT
gcc -O2 -static -Wall -o "$share/calls" "$here/calls.c"
(cd "$root" && BPF_CALLS="$share/script.txt" npx vitest run test/kernel/syscall/recorded.test.ts >/dev/null 2>&1) || true
[ -s "$share/script.txt" ] || { echo "the scenarios gave no script" >&2; exit 1; }
echo './calls script.txt > answers.txt' > "$share/job.sh"
timeout "${ASK_TIMEOUT:-300}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2G -nographic -no-reboot -net none \
	-kernel "$home"/image/boot/vmlinuz-* -initrd "$home/initrd.gz" -append "console=ttyS0 panic=-1 quiet audit=0 lsm=bpf" \
	-virtfs local,path="$share",mount_tag=share,security_model=none,multidevs=remap </dev/null > "$share/console.txt" 2>&1 ||
	{ tail -n 20 "$share/console.txt" >&2; exit 1; }
cat "$share/stderr.txt" >&2
node "$here/answers.js" "$share/answers.txt" "$root/fixtures/kernel-6.12/bpf-syscall.json"
