#!/usr/bin/env bash
# Has the reference kernel verify the programs of test/verifier/cases and keeps what it says in
# fixtures/kernel-6.12/verifier-cases.json.gz. ASK: the command that loads a .prog file there (default ../shared/oracle/ask.sh).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
(cd "$root" && VERIFIER_CASES="$work/cases.prog" npx vitest run test/verifier/cases.test.ts > /dev/null 2>&1) || true
[ -s "$work/cases.prog" ] || { echo "the cases cannot be read: run their test" >&2; exit 1; }
"${ASK:-$root/../shared/oracle/ask.sh}" -l 2 -o "$work/out" "$work/cases.prog"
node "$here/answers.js" "$work/cases.prog" "$work/out" "$root/fixtures/kernel-6.12/verifier-cases.json.gz"
