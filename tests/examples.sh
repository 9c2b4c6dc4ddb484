#!/usr/bin/env bash
# examples.sh FOLDER - runs the example programs, twice where the second run must find what the first left.
# Usage: from the root of the tree; FOLDER holds the C ones, built.
set -u
folder=$1
passed=0 failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# expect NAME PATTERN COMMAND...: the command ends well and prints a line that fits.
expect() {
    local name=$1 pattern=$2
    shift 2
    local out
    if out=$("$@" 2>&1) && grep -qE "$pattern" <<<"$out"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'failed: %s: %s\n  wanted: %s\n  printed: %s\n' "$name" "$*" "$pattern" "$out"
    fi
}

# same NAME FILE COMMAND...: the command ends well and prints exactly what the file holds.
same() {
    local name=$1 file=$2
    shift 2
    local out
    if out=$("$@" 2>&1 | diff "$file" - && exit "${PIPESTATUS[0]}"); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'failed: %s: %s\n  other than %s:\n%s\n' "$name" "$*" "$file" "$out"
    fi
}

ferry='The \[ferry\] to Hven \[leaves\] at nine\.'
expect "C" "$ferry" "$folder/remember" "$scratch/c.strata"
expect "C, second run" "$ferry" "$folder/remember" "$scratch/c.strata"
expect "a database of C's, from the command line" 'leaves at nine' \
    build/strata --db "$scratch/c.strata" memory get ferry
expect "transfer" 'moved 60 in commit [0-9]+; anna has 40 left' "$folder/transfer" "$scratch/bank.strata"
expect "transfer, second run" 'nothing moved: anna has only 40' "$folder/transfer" "$scratch/bank.strata"
expect "what transfer has written" '"key":"jonas","value":60' \
    build/strata --db "$scratch/bank.strata" --format jsonl list
expect "what transfer has noted" '"length":1' build/strata --db "$scratch/bank.strata" --format jsonl event verify
same "agent" examples/agent/output.txt "$folder/agent"
same "semantic" examples/semantic/output.txt "$folder/semantic"
root=$PWD
cd "$scratch" || exit 1
expect "remember.mjs" '\[' node "$root/examples/node/remember.mjs"
expect "remember.mjs, second run" '\[' node "$root/examples/node/remember.mjs"
expect "agent-run.mjs" 'chain of hashes holds: true' node "$root/examples/node/agent-run.mjs"
expect "transfer.mjs" '^anna 10 jonas 60 marit 30$' node "$root/examples/node/transfer.mjs"
expect "transfer.mjs, the third" '^nothing moved: anna has not 60$' node "$root/examples/node/transfer.mjs"
same "agent.mjs" "$root/examples/agent/output.txt" node "$root/examples/agent/agent.mjs"
same "semantic.mjs" "$root/examples/semantic/output.txt" node "$root/examples/semantic/semantic.mjs"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
