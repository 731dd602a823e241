#!/bin/bash
# Starts a daemon as a host would, and lets some jobs ask for GPUs.
set -euo pipefail
cd "$(dirname "$0")"
rentabot() { command "${RENTABOT:-../../bin/rentabot.js}" "$@"; }

place=$(mktemp -d)
trap 'kill "$daemon" 2>/dev/null; wait "$daemon" || true; rm -rf "$place"' EXIT
command "${RENTABOT:-../../bin/rentabot.js}" serve -c gpus.yaml --listen none --socket "$place/rentabot.sock" --data "$place/data" \
  >"$place/out" 2>"$place/log" &
daemon=$!
until [ -s "$place/out" ] || ! kill -0 "$daemon"; do sleep 0.05; done
export RENTABOT_URL="unix:$place/rentabot.sock"

# Any one GPU; two at once; one with enough memory.
rentabot lock -t gpu -- ./train.sh small
rentabot lock -w '2*gpu && a100' -- ./train.sh large
rentabot lock -w 'gpu && mem>=40' -- ./train.sh memory

# Only three of the four work now. Whoever needs four waits for the fourth; this one does not want to wait.
rentabot lock -t gpu --count 4 --no-wait -q -- ./train.sh huge 2>/dev/null || echo "huge: exit code $?, which is busy"

# Nobody has eight. That is refused at once, however long one would wait.
rentabot lock -t gpu --count 8 -q -- ./train.sh giant 2>/dev/null || echo "giant: exit code $?, which is impossible"
