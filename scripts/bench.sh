#!/usr/bin/env bash
# Seconds and peak memory of each stage on seeded rows.
#
#   scripts/bench.sh [ROWS] [FOLDER]
#
# ROWS is 10,000,000 unless given; FOLDER (default: a temporary one, removed at the end) takes
# about 100 bytes a row. Needs python3 for the memory figures. Each stage runs once, one after the
# other, on whatever else the machine is doing: compare figures of one run only.
set -euo pipefail
cd "$(dirname "$0")/.."

rows=${1:-10000000}
folder=${2:-}
if [ -z "$folder" ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"

cargo build --release --workspace --bins --locked
cargo build --release -p acceptance --example bench_data --locked
target=${CARGO_TARGET_DIR:-target}/release

echo "making $rows rows in 8 files, a drifted eighth of that, and 10,000 test rows"
"$target/examples/bench_data" "$folder/data/practicedata" "$rows" 8 before
"$target/examples/bench_data" "$folder/data/sourcedata" "$((rows / 8))" 1 after
"$target/examples/bench_data" "$folder/data/testdata" 10000 1 after
# The test clients are others than the source clients: their ids begin with t.
sed -i 's/^a\([0-9]\)/t\1/' "$folder/data/testdata/"*.csv
# No figure may depend on the network.
sed 's|^{|{"diagnostics": {"check_updates": false},|' config.json >"$folder/config.json"

# Prints a line: stage, seconds, peak memory in MiB, exit code.
measure() {
  local name=$1
  shift
  python3 - "$name" "$@" <<'PYTHON'
import resource, subprocess, sys, time
name, command = sys.argv[1], sys.argv[2:]
begin = time.perf_counter()
code = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
seconds = time.perf_counter() - begin
memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"{name:34} {seconds:9.3f} s {memory:9.1f} MiB   exit {code}")
PYTHON
}

run() {
  local name=$1 program=$2
  shift 2
  measure "$name" "$target/$program" --config "$folder/config.json" --quiet "$@"
}

printf '\n%s rows, %s of CSV\n' "$rows" "$(du -sh "$folder/data/practicedata" | cut -f1)"
run "ingestion" ingestion
run "training" training
run "scoring" scoring
run "deployment" deployment
run "reporting" reporting
run "diagnostics" diagnostics
run "fullprocess, to take note" fullprocess
run "fullprocess, nothing new" fullprocess
cp "$folder/data/sourcedata/"*.csv "$folder/data/practicedata/zz_later.csv"
run "fullprocess, one drifted file more" fullprocess
run "fullprocess, nothing new" fullprocess
"$target/fullprocess" --config "$folder/config.json" --history --limit 4
