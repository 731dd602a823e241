#!/bin/bash
# A claim, a question, a theft and a repair, told to a program that checks who tells it.
set -euo pipefail
cd "$(dirname "$0")"

place=$(mktemp -d)
trap 'kill ${daemon:-} ${robot:-} 2>/dev/null; wait; rm -rf "$place"' EXIT
await() { until [ -s "$2" ] || ! kill -0 "$1"; do sleep 0.05; done; }
export ROBOT_KEY=only-the-two-know-it
node receiver.mjs >"$place/told" &
robot=$!
await $robot "$place/told"
ROBOT_URL="http://127.0.0.1:$(head -n 1 "$place/told")/rentabot"
export ROBOT_URL

# The chat and the mail server of the file are not here.
sed '/# A chat/,$d' rentabot.yaml >"$place/rentabot.yaml"
command "${RENTABOT:-../../bin/rentabot.js}" serve -c "$place/rentabot.yaml" --listen 127.0.0.1:0 --socket none --data "$place/data" >"$place/out" 2>"$place/log" &
daemon=$!
await $daemon "$place/out"
RENTABOT_URL=$(sed 's/listening on //' "$place/out")
export RENTABOT_URL

# With curl, to be two people in one script; each of them would type what stands above.
call() { curl -sS -X "$1" "$RENTABOT_URL/api/v2/$2" -H 'content-type: application/json' -d "$3" -o /dev/null; }
claim() { echo "{\"secret\":\"a-secret-of-22-letters-\",\"want\":[{\"name\":\"board-1\"}],\"holder\":{\"name\":\"$1\"},$2}"; }

# rentabot claim board-1 --for 2h --note JTAG
call PUT leases/11111111-1111-4111-8111-111111111111 "$(claim alice '"claim":{"for":7200},"note":"JTAG"')"
# rentabot ask board-1 --note 'five minutes would do'
call POST resources/board-1/ask '{"by":"bob","note":"five minutes would do"}'
# rentabot steal board-1 --reason 'customer demo'
call PUT leases/22222222-2222-4222-8222-222222222222 "$(claim bob '"claim":{"for":7200},"steal":"customer demo"')"
call POST resources/board-1/offline '{"reason":"fan broken"}'

# The first line is the port.
until [ "$(wc -l <"$place/told")" -eq 6 ] || ! kill -0 $daemon; do sleep 0.05; done
tail -n +2 "$place/told"
