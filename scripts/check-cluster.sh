#!/usr/bin/env bash
# Checks that runs with their rows on an SQL engine are those in memory. Starts Sail with two workers
# (scripts/cluster-up.sh), compares every value of random tables, whole fits and whole runs, kills a worker
# and the engine during a run, and ends the engine.
#
#   scripts/check-cluster.sh            every value, the runs of the sample data, and the faults
#   scripts/check-cluster.sh --real     the runs of four public data sets, from the folder RISK_REAL_DATA
#   scripts/check-cluster.sh --times    times of the passes on a million rows, in memory and on the engine
#
#   RISK_ENGINE_URL   address of an engine that runs already; it is used instead, and nothing is killed
#   RISK_ENGINE_ROWS  number of rows that --times measures (default 1000000)
#   RISK_REAL_DATA    folder with bank/bank.csv, hr/hr.csv, telco/telco.csv and credit_data/credit_data.csv,
#                     as they are downloaded; crates/fullprocess/tests/engine/real_sets.rs has their columns
set -euo pipefail
cd "$(dirname "$0")/.."

mode=${1:-all}
case $mode in
all | --times) ;;
--real)
    if [ -z "${RISK_REAL_DATA:-}" ]; then
        echo "check-cluster: RISK_REAL_DATA has to name the folder of the data sets" >&2
        exit 2
    fi
    RISK_REAL_DATA=$(realpath "$RISK_REAL_DATA")
    export RISK_REAL_DATA
    ;;
*)
    echo "check-cluster: unknown option $mode" >&2
    exit 2
    ;;
esac

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
    RISK_CLUSTER=$(realpath --canonicalize-missing "${RISK_CLUSTER:-${CARGO_TARGET_DIR:-target}/cluster}")
    export RISK_CLUSTER
    RISK_ENGINE_URL=$(scripts/cluster-up.sh sail)
    started=yes
fi
export RISK_ENGINE_URL RISK_ENGINE_STORAGE=$storage

values() { cargo test --locked --package cluster --features flight "$@"; }
runs() { cargo test --locked --package fullprocess --features cluster --test engine -- "$@"; }
case $mode in
--times) values --release --test engine -- --ignored --nocapture times ;;
--real) runs --nocapture --test-threads 1 real_sets:: ;;
all)
    values
    runs --skip real_sets::
    if [ -n "$started" ]; then
        runs --nocapture --test-threads 1 --ignored faults::
    fi
    ;;
esac
echo "check-cluster: passed after $SECONDS s"
