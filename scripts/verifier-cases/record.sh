#!/usr/bin/env bash
# Has the reference kernel verify the programs of test/verifier/cases and of programs/verifier, and keeps what it says in
# fixtures/kernel-6.12: verifier-cases.json.gz and verifier-calls.json.
# ASK: the command that loads .prog files and objects there (default ../shared/oracle/ask.sh).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
object=$root/fixtures/programs/verifier/calls.bpf.o
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
(cd "$root" && VERIFIER_CASES="$work/cases.prog" npx vitest run test/verifier/cases.test.ts > /dev/null 2>&1) || true
[ -s "$work/cases.prog" ] || { echo "the cases cannot be read: run their test" >&2; exit 1; }
"${ASK:-$root/../shared/oracle/ask.sh}" -l 2 -o "$work/out" "$work/cases.prog" "$object"
node "$here/answers.js" "$work/cases.prog" "$work/out" "$root/fixtures/kernel-6.12/verifier-cases.json.gz"
node "$here/calls.js" "$work/out" calls.bpf.o "$root/fixtures/kernel-6.12/verifier-calls.json"
