#!/bin/bash
# Two holders note what they put on a board. The first is stopped in the middle, and goes on when the second is done.
# shellcheck disable=SC2016
set -euo pipefail
cd "$(dirname "$0")"
rentabot() { command "${RENTABOT:-../../bin/rentabot.js}" "$@"; }

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export DB=$place/boards.db PLACE=$place

rentabot lock -n board-1 -q -- bash -c 'node write.mjs "$DB" board-1 first-1.img; echo "$RENTABOT_FENCE" >"$PLACE/first"'
rentabot lock -n board-1 -q -- bash -c 'node write.mjs "$DB" board-1 second-1.img; node write.mjs "$DB" board-1 second-2.img'

# What is left of the first one: it was stopped for too long, and still has its old fence.
RENTABOT_FENCE=$(cat "$place/first") node write.mjs "$DB" board-1 first-2.img || echo "(exit code $?)"
