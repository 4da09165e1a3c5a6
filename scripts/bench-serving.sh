#!/usr/bin/env bash
# The API under load, beside a bare server of the same HTTP library and what users run today.
#
#   scripts/bench-serving.sh [FOLDER]
#
# FOLDER (default: a temporary one, removed at the end) takes 2 GB; one that is given is kept, and
# its FOLDER/venv is used again. In the environment: TURNS (default 5) says how often each load is
# put on, SECONDS_EACH (default 3) for how long, and CORES (default: the first two that may be used,
# as "0,1") where: the server on the first, the client on the second.
#
# Measured are, for each turn one server after the other:
#   - one row as JSON and as CSV, 100 and 10,000 rows as CSV, on 1 and on 32 connections (4 for 10,000
#     rows), with everything on: metrics, log to a file, limits;
#   - the same load while the live release changes every 100 ms;
# and then start to ready, memory when idle, and a CSV of 1 GiB in and its answer out. A request that
# fails ends it with exit code 1. Figures and the targets they are held to go to stdout as Markdown,
# everything else to stderr.
#
# Needs Linux, cargo, curl, taskset, wrk (a package of Debian), and Python 3.10 or later with venv.
# Peers that pip cannot fetch are left out, and what cannot be said without them is said to be
# skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

for program in curl taskset wrk; do
  command -v "$program" >/dev/null || { echo "$program is needed" >&2; exit 2; }
done
folder=${1:-}
if [ -z "$folder" ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

cargo build --release --locked --bin app --bin fullprocess
cargo build --release --locked -p app --example bare_server
target=${CARGO_TARGET_DIR:-target}/release

peers=$folder/venv/bin/python
if [ ! -x "$peers" ]; then
  python3 -m venv "$folder/venv" || echo "no peers: python3 -m venv failed" >&2
fi
for package in pandas scikit-learn flask fastapi uvicorn; do
  "$peers" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 "$package" ||
    echo "skipped: pip could not fetch $package" >&2
done

# No compiled copies of the helpers beside them in the repository.
python3 -B scripts/bench_serving.py "$folder" --programs "$target" --peers "$peers" \
  --turns "${TURNS:-5}" --seconds "${SECONDS_EACH:-3}" --cores "${CORES:-}"
