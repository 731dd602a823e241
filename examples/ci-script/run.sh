#!/bin/bash
# Plays four CI jobs: a good one, one whose deployment fails, one that meets another, and one without a daemon.
set -euo pipefail
cd "$(dirname "$0")"
export RENTABOT=${RENTABOT:-../../bin/rentabot.js}
job() { ./deploy.sh 2>/dev/null || echo "(exit code $?)"; }

DEPLOY='echo "deploying to $RENTABOT_ENDPOINT"' job
DEPLOY='exit 3' job

"$RENTABOT" lock -n staging -- sleep 3 &
until "$RENTABOT" status staging --json | grep -q '"state":"held"'; do sleep 0.1; done
WAIT=1s DEPLOY='echo never' job
wait

RENTABOT_URL=unix:/nowhere/rentabot.sock WAIT=1s DEPLOY='echo never' job
