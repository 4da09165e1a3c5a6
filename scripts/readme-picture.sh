#!/usr/bin/env bash
# Draws the picture of README.md: the first screen of a run's report, light and dark. The sample data is
# copied to a temporary folder and arrives there file by file. Needs Debian's chromium.
#
#   scripts/readme-picture.sh [PROGRAMS]      default: target/release
set -euo pipefail
top=$(realpath "$(dirname "$0")/..")
programs=$(realpath "${1:-$top/target/release}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cd "$folder"
cp -r "$top/data" .
rm -rf data/ingesteddata data/models data/state
mkdir production_deployment
python3 - "$top/config.json" <<'PYTHON'
import json, sys
config = json.load(open(sys.argv[1]))
config["diagnostics"] = {"check_updates": False}
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
for colours in light dark; do
    scheme=()
    [ "$colours" = dark ] && scheme=(--blink-settings=preferredColorScheme=0)
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$folder/browser" \
        --force-device-scale-factor=1.5 "${scheme[@]}" --window-size=1200,900 \
        --screenshot="$top/docs/pictures/report-$colours.png" "file://$report" 2>browser.txt
done
