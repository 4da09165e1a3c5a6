#!/usr/bin/env bash
# Faults from outside: the released programs are killed, refused the disk, run many at once, and find
# their files damaged; a checker that shares no code with them looks at what is left.
#
#   scripts/faults/run.sh [--minutes 60] [--seed 1] [--jobs 2] [--kind KIND] [--story STORY] [--like REGEX]
#   scripts/faults/run.sh --only POINT     try one point again, and keep its folder
#   scripts/faults/run.sh --table          the table of the results so far
#
# Results go to target/faults/results.jsonl. A campaign that is started again goes on from there. It
# ends with exit code 1 when something was found. PROGRAMS names a folder of programs to try instead of
# building them. TMPDIR is where the pipelines are; a folder in memory, such as /dev/shm, is faster.
#
# Needs Linux, strace, and Python 3.11 or later; root for full disks, and libfaketime for clocks.
# Without strace, or where ptrace is forbidden, nothing is tried.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
if [ -z "${PROGRAMS:-}" ]; then
    cargo build --release --locked
    PROGRAMS=$target/release
fi
mkdir -p "$target/faults"
# A checker that cannot fail would find nothing.
PROGRAMS=$PROGRAMS python3 -B scripts/faults/test_checker.py --quiet
exec python3 -B scripts/faults/campaign.py --programs "$PROGRAMS" --results "$target/faults/results.jsonl" "$@"
