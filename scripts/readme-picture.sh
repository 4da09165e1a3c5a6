#!/usr/bin/env bash
# Draws the pictures of README.md and docs/dashboard.md: the first screen of a run's report and of the dashboard,
# light and dark. The sample data is copied to a temporary folder and arrives there file by file. Needs Debian's
# chromium.
#
#   scripts/readme-picture.sh [PROGRAMS]      default: target/release
set -euo pipefail
top=$(realpath "$(dirname "$0")/..")
programs=$(realpath "${1:-$top/target/release}")
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT

cd "$folder"
cp -r "$top/data" .
rm -rf data/ingesteddata data/models data/state
mkdir production_deployment
python3 - "$top/config.json" <<'PYTHON'
import json, sys
config = json.load(open(sys.argv[1]))
config["diagnostics"] = {"check_updates": False}
config["api"] = {"bind": "127.0.0.1:0"}
json.dump(config, open("config.json", "w"))
PYTHON

mkdir -p "$top/docs/pictures"
run() { "$programs/fullprocess" --quiet >run.txt 2>&1 || { cat run.txt; exit 1; }; }

run
for quarter in data/sourcedata/clients_2026_q?.csv; do
    # Each third of a quarter is a file of its own.
    tail -n +2 "$quarter" >quarter.csv
    split --number=l/3 quarter.csv third.
    for third in third.*; do
        head -n 1 "$quarter" | cat - "$third" >"data/practicedata/$(basename "$quarter" .csv).$third.csv"
        run
    done
    rm third.*
done
cp data/newclients/*.csv data/practicedata
run
report=$("$programs/fullprocess" --report)
"$programs/app" >app.txt 2>&1 &
server=$!
until dashboard=$(grep -o 'http://127.0.0.1:[0-9]*' app.txt | head -1) && [ -n "$dashboard" ]; do sleep 0.1; done
picture() { # name, address, height, pixels of a point
    for colours in light dark; do
        scheme=()
        [ "$colours" = dark ] && scheme=(--blink-settings=preferredColorScheme=0)
        chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$folder/browser" \
            --force-device-scale-factor="$4" "${scheme[@]}" --window-size="1200,$3" \
            --screenshot="$top/docs/pictures/$1-$colours.png" "$2" 2>browser.txt
    done
}
picture report "file://$report" 900 1.5
picture dashboard "$dashboard/" 1240 1
