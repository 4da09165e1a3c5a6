#!/usr/bin/env bash
# Starts a distributed SQL engine on this machine, with two workers, and prints its address.
#
#   scripts/cluster-up.sh [sail]
#
# Sail is installed into a private environment below the target folder, in the pinned version. It
# listens on the loopback address only. scripts/cluster-down.sh ends it.
#
#   RISK_CLUSTER          folder of the environment, the log and the number of the process
#                         (default target/cluster)
#   RISK_CLUSTER_WORKERS  number of workers, each a process of its own that is reached over RPC; 0 runs
#                         everything in one process (default 2)
#   RISK_CLUSTER_CORES    cores on which the workers run, each on one of them alone, such as "0 1"; the
#                         rest of the engine runs on any (default: every worker runs on all cores)
#   RISK_CLUSTER_PORT     port (default: a free one)
set -euo pipefail
cd "$(dirname "$0")/.."

readonly version=0.7.2
readonly seconds_to_start=120
folder=${RISK_CLUSTER:-${CARGO_TARGET_DIR:-target}/cluster}
workers=${RISK_CLUSTER_WORKERS:-2}

fail() {
    echo "cluster-up: $*" >&2
    exit 1
}

[ "${1:-sail}" = sail ] || fail "unknown engine $1; the engines are: sail"
[[ $workers =~ ^[0-9]+$ ]] || fail "RISK_CLUSTER_WORKERS is no number: $workers"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
sail=$folder/environment/bin/sail

# The number may belong to another process by now.
is_ours() {
    grep --quiet --text --fixed-strings "$folder/environment/bin/" "/proc/$1/cmdline" 2>/dev/null
}
if [ -e "$folder/pid" ] && is_ours "$(cat "$folder/pid")"; then
    fail "the engine already runs, at $(cat "$folder/url"); scripts/cluster-down.sh ends it"
fi
if [ "$(cat "$folder/version" 2>/dev/null)" != "$version" ]; then
    echo "cluster-up: installing pysail $version" >&2
    python3 -m venv --clear "$folder/environment"
    "$folder/environment/bin/pip" install --quiet --disable-pip-version-check "pysail==$version"
    echo "$version" >"$folder/version"
fi

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
port=${RISK_CLUSTER_PORT:-$(free_port)}
is_ready() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
is_ready && fail "another program listens on port $port"
if [ "$workers" -gt 0 ]; then
    export SAIL_CLUSTER__WORKER_INITIAL_COUNT=$workers SAIL_CLUSTER__WORKER_MAX_COUNT=$workers
    # The tasks of a statement are as many as the workers, and each worker has the same number of them.
    export SAIL_EXECUTION__DEFAULT_PARALLELISM=$workers SAIL_CLUSTER__WORKER_TASK_SLOTS=2
    export SAIL_CLUSTER__WORKER_MAX_IDLE_TIME_SECS=86400
    export SAIL_CLUSTER__WORKER_HEARTBEAT_INTERVAL_SECS=1 SAIL_CLUSTER__WORKER_HEARTBEAT_TIMEOUT_SECS=10
    read -ra cores <<<"${RISK_CLUSTER_CORES:-}"
    engine=("$folder/environment/bin/python" scripts/cluster_workers.py "$sail" "$port" "$folder" "${cores[@]}")
else
    engine=("$sail" flight server --ip 127.0.0.1 --port "$port")
fi
setsid "${engine[@]}" >"$folder/log" 2>&1 </dev/null &
pid=$!
echo "$pid" >"$folder/pid"
echo "grpc://127.0.0.1:$port" >"$folder/url"

SECONDS=0
until is_ready; do
    if ! kill -0 "$pid" 2>/dev/null || [ "$SECONDS" -gt "$seconds_to_start" ]; then
        tail -n 20 "$folder/log" >&2
        scripts/cluster-down.sh >&2 || true
        fail "the engine did not start; its log is $folder/log"
    fi
    sleep 0.2
done
cat "$folder/url"
