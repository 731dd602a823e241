#!/bin/bash
# Starts a daemon of its own, and uses the Makefile and the login as two people would.
set -euo pipefail
cd "$(dirname "$0")"
export RENTABOT=${RENTABOT:-$PWD/../../bin/rentabot.js}

place=$(mktemp -d)
trap 'kill "$daemon" 2>/dev/null; wait "$daemon" || true; rm -rf "$place"' EXIT
"$RENTABOT" serve -c rentabot.yaml --listen none --socket "$place/rentabot.sock" --data "$place/data" >"$place/out" 2>"$place/log" &
daemon=$!
until [ -s "$place/out" ] || ! kill -0 "$daemon"; do sleep 0.05; done
export RENTABOT_URL="unix:$place/rentabot.sock"

# In place of a real ssh.
printf '#!/bin/sh\necho "ssh $*"\n' >"$place/ssh"
chmod +x "$place/ssh"
PATH="$place:$PATH" ./ssh-board.sh board-1 uname
PATH="$place:$PATH" ./ssh-board.sh board-1
make -s all 2>/dev/null
"$RENTABOT" release board-1 2>&1
