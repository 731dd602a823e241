#!/bin/bash
# A step of a CI job: deploys to staging, one job at a time, and says in the job's own words how it went.
# WAIT: longest time in the queue. DEPLOY: the command, which gets the target in RENTABOT_ENDPOINT.
set -euo pipefail
rentabot() { command "${RENTABOT:-rentabot}" "$@"; }

result=$(mktemp)
trap 'rm -f "$result"' EXIT
code=0
rentabot lock -n staging --wait "${WAIT:-30m}" --timeout 20m --result-file "$result" -q -- bash -c "$DEPLOY" || code=$?

# The codes of rentabot are those of sysexits.h and timeout(1), and a command may use them too: the result file tells which it was.
outcome=$(sed 's/.*"outcome":"\([^"]*\)".*/\1/' "$result")
case $outcome in
  completed)
    if [ "$code" -eq 0 ]; then echo 'deployed'; else echo "the deployment failed with $code"; fi ;;
  timeout) echo 'staging was busy for too long, or the deployment took too long; try again later' ;;
  lost) echo 'staging was lost while the deployment ran; look at it before you go on' ;;
  unreachable) echo 'no daemon answers; is RENTABOT_URL right?' ;;
  *) echo "not deployed: $outcome" ;;
esac
exit "$code"
