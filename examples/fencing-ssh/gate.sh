#!/bin/sh
# The gate of a board: sshd runs it in place of what was asked for, and it lets in only who holds the board.
#
#   ForceCommand /usr/local/bin/board-gate NAME URL FILE
#
# NAME: the resource. URL: the daemon, as RENTABOT_URL has it. FILE: where the highest fence that was let in is kept.
# The lease comes in RENTABOT_LEASE and RENTABOT_FENCE (SendEnv), or in front of the command: `RENTABOT_LEASE=… RENTABOT_FENCE=… command`.
set -u
path=$PATH
PATH=/usr/local/bin:/usr/bin:/bin
name=$1 url=$2 file=$3
command=${SSH_ORIGINAL_COMMAND-}
lease=${RENTABOT_LEASE-} fence=${RENTABOT_FENCE-}

refuse() {
  echo "$name: refused: $1" >&2
  exit 77
}

# What the daemon says to a GET; fails where it does not answer at all. A 404 or 410 is an answer: its body names no lease.
ask() {
  case $url in
    unix:*) curl -s --max-time 10 --unix-socket "${url#unix:}" "http://localhost$1" ;;
    *) curl -s --max-time 10 "$url$1" ;;
  esac
}

# Only these two words are taken from the text, and only in this place; it is never evaluated here.
case $command in
  RENTABOT_LEASE=*\ RENTABOT_FENCE=*\ *)
    lease=${command#RENTABOT_LEASE=} lease=${lease%% *}
    command=${command#* RENTABOT_FENCE=}
    fence=${command%% *} command=${command#* }
    ;;
esac
case $lease in '' | *[!0-9A-Za-z-]*) refuse 'RENTABOT_LEASE is not the id of a lease' ;; esac
case $fence in '' | 0* | *[!0-9]* | ????????????????*) refuse 'RENTABOT_FENCE is not a fence' ;; esac

# One at a time from here to the answer: else an older holder could be asked about before, and let in after a newer one.
# A file that cannot be opened ends the script.
exec 9>>"$file.lock"
flock 9 || refuse "cannot lock $file.lock"
highest=0
if [ -s "$file" ]; then read -r highest <"$file"; fi
[ "$fence" -ge "$highest" ] || refuse "fence $fence is older than $highest, which was here already"

if holds=$(ask "/api/v2/resources/$name") && grant=$(ask "/api/v2/leases/$lease"); then
  # Text in JSON has its quotes escaped, so these are keys. The resource lists the leases that it is held by.
  case $holds in *\"id\":\""$lease"\"*) ;; *) refuse "lease $lease does not hold it" ;; esac
  case $grant in *\"fence\":"$fence",* | *\"fence\":"$fence"\}*) ;; *) refuse "lease $lease has another fence than $fence" ;; esac
elif [ "$fence" -ne "$highest" ]; then
  refuse 'the daemon does not answer, and this lease was not here before'
fi
if ! { echo "$fence" >"$file.new" && mv "$file.new" "$file"; }; then refuse "cannot write $file"; fi
exec 9>&-

unset SSH_ORIGINAL_COMMAND
PATH=$path
export RENTABOT_LEASE="$lease" RENTABOT_FENCE="$fence"
# As sshd would have done it.
if [ -z "$command" ]; then exec "${SHELL:-/bin/sh}" -l; fi
exec "${SHELL:-/bin/sh}" -c "$command"
