#!/usr/bin/env bash
# The running server against its own description: schemathesis asks whatever /openapi.json allows,
# and some of what it does not, and holds each answer to it.
#
#   scripts/check_api.sh [EXAMPLES]
#
# EXAMPLES (default 100) is how many requests are made up for each address. A private virtual
# environment holds schemathesis; where pip cannot fetch it, that is said and the exit code is 0.
# Needs cargo, curl, and Python 3.10 or later with venv.
set -euo pipefail
cd "$(dirname "$0")/.."

examples=${1:-100}
folder=$(mktemp -d)
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT

if ! { python3 -m venv "$folder/venv" && "$folder/venv/bin/pip" --quiet install schemathesis; } >&2
then
    echo 'skipped: schemathesis cannot be installed' >&2
    exit 0
fi

cargo build --quiet --bin app --bin fullprocess
programs=${CARGO_TARGET_DIR:-target}/debug
cp -r data config.json "$folder"
python3 - "$folder/config.json" <<'PYTHON'
import json, sys
with open(sys.argv[1]) as file:
    config = json.load(file)
config["api"] = {"bind": "127.0.0.1:0"}
config["diagnostics"] = {"check_updates": False}
with open(sys.argv[1], "w") as file:
    json.dump(config, file)
PYTHON
"$programs/fullprocess" --config "$folder/config.json" --quiet >/dev/null
"$programs/app" --config "$folder/config.json" 2>"$folder/log" &
server=$!
until url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$folder/log") && [ -n "$url" ]; do
    kill -0 "$server"
    sleep 0.1
done

# What it remembers of a run goes to the working directory.
cd "$folder"
# Which columns rows must have is the configuration's word, which the description cannot say.
venv/bin/schemathesis run "$url/openapi.json" --max-examples "$examples" \
    --exclude-checks positive_data_acceptance --no-color
