#!/usr/bin/env bash
# Times of whole runs with their rows in memory, and on Sail with one and with two workers.
#
#   scripts/bench-cluster.sh [ROWS] [FOLDER]
#
# ROWS is 10,000,000 unless given. FOLDER (default: a temporary one, removed at the end) takes about 200 bytes
# a row. FOLDER must be new, empty, or of an earlier measurement, whose files are removed. In the environment,
# TURNS (default 3) says how often everything is done, and CORES (default "0 1") on which two cores: in memory,
# the program has one of them or both; on an engine, each worker has one of them alone, and the program and the
# rest of the engine have both.
#
# Each turn makes a pipeline anew. Its first run gets all rows, and its second run one in a hundred more. The
# figures go to stdout as Markdown, everything else to stderr. "Engine" is the time that the program waited
# for answers of the engine.
#
# Needs Linux, cargo, and Python 3.10 or later with venv and pip.
set -euo pipefail
cd "$(dirname "$0")/.."

rows=${1:-10000000}
folder=${2:-}
if [ -z "$folder" ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

cargo build --release --locked -p fullprocess --features cluster
python3 -B scripts/bench_cluster.py "$folder" --rows "$rows" \
    --program "${CARGO_TARGET_DIR:-target}/release/fullprocess" \
    --turns "${TURNS:-3}" --cores "${CORES:-0 1}"
