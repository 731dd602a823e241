#!/bin/bash
# Several holders call the page of a board through nginx. Where nginx is not installed, the daemon is asked as nginx would ask it.
# shellcheck disable=SC1090,SC2016
set -euo pipefail
cd "$(dirname "$0")"
rentabot() { command "${RENTABOT:-../../bin/rentabot.js}" "$@"; }

place=$(mktemp -d)
trap 'kill $daemon $app ${proxy:-} 2>/dev/null; wait; rm -rf "$place"' EXIT
await() { until [ -s "$2" ] || ! kill -0 "$1"; do sleep 0.05; done; }
command "${RENTABOT:-../../bin/rentabot.js}" serve -c rentabot.yaml --listen 127.0.0.1:0 --socket none --data "$place/data" >"$place/out" 2>"$place/log" &
daemon=$!
node app.mjs >"$place/port" &
app=$!
await $daemon "$place/out"
await $app "$place/port"
url=$(sed 's/listening on //' "$place/out")
export RENTABOT_URL=$url PLACE=$place

if command -v nginx >/dev/null; then
  mkdir "$place/tmp"
  sed -e "s#http://127.0.0.1:5000#$url#; s#127.0.0.1:9000#127.0.0.1:$(cat "$place/port")#; s#listen 127.0.0.1:8080#listen unix:$place/proxy#" site.conf >"$place/site.conf"
  cat >"$place/nginx.conf" <<CONF
pid nginx.pid;
error_log nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path tmp/body;
  proxy_temp_path tmp/proxy;
  fastcgi_temp_path tmp/fastcgi;
  uwsgi_temp_path tmp/uwsgi;
  scgi_temp_path tmp/scgi;
  include site.conf;
}
CONF
  nginx -p "$place" -c nginx.conf -g 'daemon off; master_process off;' 2>"$place/nginx.err" &
  proxy=$!
  until [ -S "$place/proxy" ] || ! kill -0 $proxy; do sleep 0.05; done
fi

# What the page answers to a call with this lease.
call() {
  echo "$1: $(status "${2-}")"
}
status() {
  if [ -S "$PLACE/proxy" ]; then
    curl -s -o /dev/null -w '%{http_code}' --unix-socket "$PLACE/proxy" -H "rentabot-lease: $1" http://localhost/flash
    return
  fi
  case $(curl -s -o /dev/null -w '%{http_code}' "$RENTABOT_URL/api/v2/leases?after=${1:-none}&limit=1") in
    200) echo 200 ;;
    404) echo 403 ;;
    *) echo 503 ;;
  esac
}
export -f call status

call 'without a lease'
rentabot lock -n board-1 -- bash -c 'call "the first holder" "$RENTABOT_LEASE"; echo "$RENTABOT_LEASE" >"$PLACE/first"'
rentabot lock -n board-1 -- bash -c 'call "the second holder" "$RENTABOT_LEASE"; call "the first, woken up" "$(cat "$PLACE/first")"'
kill $daemon
wait $daemon || true
call 'with the daemon away' "$(cat "$place/first")"
