#!/bin/bash
# What the manifests do, without a cluster: the descriptor of the ConfigMap, and what the Job runs.
set -euo pipefail
cd "$(dirname "$0")"

place=$(mktemp -d)
trap 'kill "${daemon:-}" 2>/dev/null; wait; rm -rf "$place"' EXIT
umask 077
mkdir "$place/bin"
ln -s "${RENTABOT:-$PWD/../../bin/rentabot.js}" "$place/bin/rentabot"
export PATH="$place/bin:$PATH"
# kubectl create secret generic rentabot-admin-token --from-file=admin-token=/dev/stdin
head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n' >"$place/admin-token"

PLACE="$place" node -e "
  const { readFileSync, writeFileSync } = require('node:fs');
  const { parseAllDocuments } = require('yaml');
  const objects = (file) => parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS());
  const put = (name, text) => writeFileSync(process.env.PLACE + '/' + name, text);
  put('rentabot.yaml', objects('rentabot.yaml').find(({ kind }) => kind === 'ConfigMap').data['rentabot.yaml']);
  const [script] = objects('job.yaml')[0].spec.template.spec.containers[0].args;
  put('job', script.replaceAll('/run/secrets/rentabot', process.env.PLACE));
"

rentabot serve -c "$place/rentabot.yaml" --listen 127.0.0.1:0 --socket none --data "$place/data" --admin-token-file "$place/admin-token" >"$place/out" 2>"$place/log" &
daemon=$!
until [ -s "$place/out" ] || ! kill -0 "$daemon"; do sleep 0.05; done
RENTABOT_URL=$(sed 's/listening on //' "$place/out")
export RENTABOT_URL
curl -sS "$RENTABOT_URL/readyz" && echo

RENTABOT_TOKEN=$(cat "$place/admin-token") rentabot token create ci --role user >"$place/ci-token"
sh -euc "$(cat "$place/job")" 2>/dev/null
