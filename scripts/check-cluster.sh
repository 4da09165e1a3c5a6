#!/usr/bin/env bash
# Checks that runs with their rows on an SQL engine are those in memory. Starts Sail with two workers
# (scripts/cluster-up.sh), compares every value of random tables, whole fits and whole runs of the sample
# data, and ends it again.
#
#   scripts/check-cluster.sh            every value and every run, on two workers
#   scripts/check-cluster.sh --times    times of the passes on a million rows, in memory and on the engine
#
#   RISK_ENGINE_URL   address of an engine that runs already; it is used instead
#   RISK_ENGINE_ROWS  number of rows that --times measures (default 1000000)
set -euo pipefail
cd "$(dirname "$0")/.."

storage=$(mktemp -d)
started=
end() {
    if [ -n "$started" ]; then
        scripts/cluster-down.sh
    fi
    rm -rf "$storage"
}
trap end EXIT
if [ -z "${RISK_ENGINE_URL:-}" ]; then
    RISK_ENGINE_URL=$(scripts/cluster-up.sh sail)
    started=yes
fi
export RISK_ENGINE_URL RISK_ENGINE_STORAGE=$storage

if [ "${1:-}" = --times ]; then
    cargo test --release --locked --package cluster --features flight --test engine -- \
        --ignored --nocapture times
else
    cargo test --locked --package cluster --features flight
    cargo test --locked --package fullprocess --features cluster --test engine
fi
