#!/usr/bin/env bash
# Ends the engine that scripts/cluster-up.sh started, and nothing else.
#
#   scripts/cluster-down.sh
set -euo pipefail
cd "$(dirname "$0")/.."

readonly seconds_to_end=10
folder=${RISK_CLUSTER:-${CARGO_TARGET_DIR:-target}/cluster}

if [ ! -e "$folder/pid" ]; then
    echo "cluster-down: no engine was started from $folder"
    exit 0
fi
folder=$(cd "$folder" && pwd)
pid=$(cat "$folder/pid")
# The number may belong to another process by now.
is_ours() {
    grep --quiet --text --fixed-strings "$folder/environment/bin/" "/proc/$pid/cmdline" 2>/dev/null
}
if is_ours; then
    kill "$pid" 2>/dev/null || true
    for ((tenths = 0; tenths < seconds_to_end * 10; tenths++)); do
        is_ours || break
        sleep 0.1
    done
    if is_ours; then
        kill -KILL "$pid" 2>/dev/null || true
    fi
fi
rm -f "$folder/pid" "$folder/url"
