#!/usr/bin/env bash
# The API for a while: honest clients beside hostile ones, while releases follow each other.
#
#   scripts/soak.sh [SECONDS]
#
# SECONDS is 600 unless given. Every answer to an honest client is held against what its release
# answered when nothing else went on; the server's memory is read once a second; at the end the
# server is asked to stop. It ends with exit code 1 when a request of an honest client failed, memory
# has grown (in five minutes or more), the log tells of a panic, or the server did not end well.
# Figures go to stdout.
#
# Needs Linux, cargo, and Python 3.10 or later.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --locked --bin app --bin deployment --bin fullprocess
python3 -B scripts/soak.py --programs "${CARGO_TARGET_DIR:-target}/release" --seconds "${1:-600}"
