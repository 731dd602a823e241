#!/bin/bash
# Two people want the one board at the same time. The first gets it; the second waits, and then gets it by itself.
set -euo pipefail
cd "$(dirname "$0")"
rentabot() { command "${RENTABOT:-../../bin/rentabot.js}" "$@"; }

rentabot lock -n board-1 -q -- ./flash-and-test.sh first &
first=$!
# Until the first one has it, so that it is the first.
until rentabot status board-1 --json | grep -q '"state":"held"'; do sleep 0.1; done
rentabot lock -n board-1 -q -- ./flash-and-test.sh second
wait "$first"
