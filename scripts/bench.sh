#!/usr/bin/env bash
# Ours beside pandas, polars, DuckDB and scikit-learn: the same rows, the same cores, in turns.
#
#   scripts/bench.sh [ROWS] [FOLDER]
#
# ROWS is 10,000,000 unless given. FOLDER (default: a temporary one, removed at the end) takes about
# 150 bytes a row and 700 MB of peers; one that is given is kept, and its FOLDER/venv is used again.
# In the environment, TURNS (default 5) says how often each job is done, and CORES (default: the
# first two that may be used, as "0,1") where.
#
# Measured are, for each turn one after the other:
#   - an ingestion from nothing of 8 files, a tenth of each repeated from its neighbour;
#   - a whole run after a drifted file of an eighth more came, beside two assemblies of peers and the
#     scripts that a pandas user would write;
#   - an ingestion of one file of 1 % more, a run with nothing new, a cold start on the sample data;
# and then the fit alone, by scripts/bench_fit.py. Results that do not agree end it with exit code 1.
# Figures and the targets they are held to go to stdout as Markdown, everything else to stderr.
#
# Needs Linux, cargo, and Python 3.10 or later with venv. Peers that pip cannot fetch are left out,
# and what cannot be said without them is said to be skipped.
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

cargo build --release --workspace --bins --locked
cargo build --release -p acceptance --example bench_data --locked
cargo build --release -p training --example time_fit --locked
target=${CARGO_TARGET_DIR:-target}/release

echo "making $rows rows in 8 files, a drifted eighth of that, one of 1 %, and 10,000 test rows" >&2
# What an earlier call with other rows left may not get among these.
rm -rf "$folder/rows" "$folder/pipelines"
"$target/examples/bench_data" "$folder/rows/base" "$rows" 8 before
"$target/examples/bench_data" "$folder/rows/drifted" "$((rows / 8))" 1 after
"$target/examples/bench_data" "$folder/rows/later" "$((rows / 100))" 1 after
# Half the test rows are of the old world: against a test score that is as low as the new rows' own,
# chance would decide whether the model has drifted.
mkdir "$folder/rows/test"
for world in before after; do
  "$target/examples/bench_data" "$folder/rows/half" 5000 1 "$world"
  # They are other clients than those that models are fitted to.
  sed 's/^[ab]\([0-9]\)/t&/' "$folder/rows/half/clients_000.csv" >"$folder/rows/test/$world.csv"
done

peers=$folder/venv/bin/python
if [ ! -x "$peers" ]; then
  python3 -m venv "$folder/venv" || echo "no peers: python3 -m venv failed" >&2
fi
for package in pandas polars duckdb scikit-learn; do
  "$peers" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 "$package" ||
    echo "skipped: pip could not fetch $package" >&2
done

# No compiled copies of the helpers beside them in the repository.
python3 -B scripts/bench_turns.py "$folder" \
  --rows "$rows" --turns "${TURNS:-5}" --cores "${CORES:-}" --programs "$target" --peers "$peers"
