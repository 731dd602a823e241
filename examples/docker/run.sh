#!/bin/bash
# What compose.yaml does, without Docker: a daemon with an admin's token in a file, and a job with a token of its own.
set -euo pipefail
cd "$(dirname "$0")"
rentabot() { command "${RENTABOT:-../../bin/rentabot.js}" "$@"; }

place=$(mktemp -d)
trap 'kill "${daemon:-}" 2>/dev/null; wait; rm -rf "$place"' EXIT
umask 077
# openssl rand -hex 32
head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n' >"$place/admin-token"

export RENTABOT_DATA="$place/data" RENTABOT_SOCKET=none RENTABOT_ADMIN_TOKEN_FILE="$place/admin-token"
# Not by the function, whose shell would be all that a signal reaches.
command "${RENTABOT:-../../bin/rentabot.js}" serve -c config/rentabot.yaml --listen 127.0.0.1:0 >"$place/out" 2>"$place/log" &
daemon=$!
until [ -s "$place/out" ] || ! kill -0 "$daemon"; do sleep 0.05; done
port=$(sed 's/.*://' "$place/out")

echo 'a stranger:'
rentabot status --url "http://127.0.0.1:$port" 2>&1 || echo "code $?"
echo 'docker compose exec rentabot rentabot token create ci --role user'
RENTABOT_URL="unix:$place/data/admin.sock" rentabot token create ci --role user >"$place/ci-token"
echo 'docker compose run --rm job'
RENTABOT_URL="http://127.0.0.1:$port" RENTABOT_TOKEN=$(cat "$place/ci-token") rentabot lock -q --tag board -- \
  sh -c 'echo "testing $RENTABOT_RESOURCE at $RENTABOT_ENDPOINT"'
echo 'whoever has the token of the file:'
RENTABOT_URL="http://127.0.0.1:$port" RENTABOT_TOKEN=$(cat "$place/admin-token") rentabot token list
