#!/usr/bin/env bash
# How well models predict, beside scikit-learn, LightGBM, perpetual and InterpretML's EBM.
#
#   scripts/bench-models.sh FILE.csv...
#
# Each FILE is a table as downloaded; `fullprocess --try` finds its id, target and features. The
# rows are split into four folds, each of which is predicted by models of the others, all with the same
# columns. The log-loss, the ROC-AUC, the expected calibration error and the median seconds go to
# stdout as Markdown, everything else to stderr. In the environment: FOLDER (default: a temporary one,
# removed at the end; it may take a minute a fit of EBM) keeps the folds and FOLDER/venv, which is used again.
#
# Needs cargo and Python 3.10 or later with venv, pandas and scikit-learn, which pip fetches. Peers that
# pip cannot fetch are skipped with a message.
set -euo pipefail

if [ $# -eq 0 ]; then
  sed -n 's/^# \{0,1\}//;4p' "$0" >&2
  exit 2
fi
files=()
for file in "$@"; do
  files+=("$(realpath "$file")")
done
folder=${FOLDER:-}
if [ -z "$folder" ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
mkdir -p "$folder"
folder=$(realpath "$folder")
cd "$(dirname "$0")/.."

cargo build --release --locked --bin fullprocess --bin ingestion --bin training --bin scoring
target=$(realpath "${CARGO_TARGET_DIR:-target}")/release

peers=$folder/venv/bin/python
[ -x "$peers" ] || python3 -m venv "$folder/venv"
for package in pandas scikit-learn lightgbm perpetual interpret-core; do
  "$peers" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 "$package" ||
    echo "skipped: pip could not fetch $package" >&2
done
"$peers" -B scripts/bench_models.py "$folder" "$target" "${files[@]}"
