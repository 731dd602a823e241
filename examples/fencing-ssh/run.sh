#!/bin/bash
# Several holders come to the gate of a board. It is run as sshd would run it; for a real sshd see sshd_config.
# shellcheck disable=SC1090,SC1091,SC2016
set -euo pipefail
cd "$(dirname "$0")"
rentabot() { command "${RENTABOT:-../../bin/rentabot.js}" "$@"; }
export -f rentabot

place=$(mktemp -d)
trap 'kill "$daemon" 2>/dev/null; wait "$daemon" || true; rm -rf "$place"' EXIT
serve() {
  rm -f "$place/out"
  command "${RENTABOT:-../../bin/rentabot.js}" serve -c rentabot.yaml --listen none --socket "$place/rentabot.sock" --data "$place/data" \
    >"$place/out" 2>"$place/log" &
  daemon=$!
  until [ -s "$place/out" ] || ! kill -0 "$daemon"; do sleep 0.05; done
}
serve
export RENTABOT_URL="unix:$place/rentabot.sock" PLACE="$place"

# What `ssh board-1 COMMAND` comes to, on the board. Ids of leases are different each time.
ssh_board() {
  { SSH_ORIGINAL_COMMAND="$*" ./gate.sh board-1 "$RENTABOT_URL" "$PLACE/fence" 2>&1 || true; } | sed "s/[0-9A-Z]\{26\}/ID/"
}
export -f ssh_board
# Goes on as if its lease still held: what a command does that was stopped for too long.
woken_up() { (. "$place/$1"; ssh_board "echo never") | sed "s/^/$1, woken up: /"; }

echo '1. Who has no lease stays outside.'
ssh_board 'echo never'

echo '2. The first holder is let in.'
rentabot lock -n board-1 -- bash -c 'ssh_board "echo first: flashing \"the image\"; echo \$((6 * 7)) tests"; export -p | grep RENTABOT_ >"$PLACE/first"'

echo '3. So is the second. The first has been stopped meanwhile, wakes up, and goes on.'
rentabot lock -n board-1 -- bash -c 'ssh_board "echo second: flashing"; export -p | grep RENTABOT_ >"$PLACE/second"'
woken_up first

echo '4. A lease of another board does not help.'
rentabot lock -n board-2 -- bash -c 'ssh_board "echo never"'

echo '5. The daemon is away. Who was let in last may come again; nobody else may, and no older one.'
kill "$daemon"
wait "$daemon" || true
(. "$place/second"; ssh_board 'echo second: flashing on')
woken_up first

echo '6. The daemon is back: the second has ended, the third has it.'
serve
woken_up second
rentabot lock -n board-1 -- bash -c 'ssh_board "echo third: flashing"'
