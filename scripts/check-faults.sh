#!/usr/bin/env bash
# Every fault at every change to the file system, and at every pass over rows. `.ci/run` kills at every change too, and tries the
# other faults at a third of them. Also looks into the released programs: none has the hook through
# which the tests cause faults.
#
#   scripts/check-faults.sh
#
# Prints, for each command and fault, how many changes were disturbed, by kind.
set -euo pipefail
cd "$(dirname "$0")/.."

hook=RISK_FAULT
target=${CARGO_TARGET_DIR:-target}

# As the README builds them.
cargo build --release --locked
for main in crates/*/src/main.rs; do
    name=$(basename "${main%/src/main.rs}")
    if grep --quiet "$hook" "$target/release/$name"; then
        echo "$target/release/$name has the hook for faults" >&2
        exit 1
    fi
done
# The released form of the one crate that the hook changes.
cargo clippy --package common --locked -- -D warnings

log=$(mktemp)
trap 'rm -f "$log"' EXIT
FAULTS=all cargo test --package acceptance --test acceptance --locked -- \
    --nocapture interruptions::s29 interruptions::s30 interruptions::unreachable interruptions::locks | tee "$log"
if ! grep --quiet "$hook" "$target/debug/tested_fullprocess"; then
    echo "the tested programs have no hook, or it has another name than $hook" >&2
    exit 1
fi
echo
grep ' changes ' "$log" | sort
