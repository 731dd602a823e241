# Stands beside a wrapped command and ends it where its wrapper no longer can. It needs nothing of the wrapper but the
# socket on fd 3, which brings a line for each thing to know, and ends when the wrapper dies, however it dies:
#   give-back TEXT        what to say to the program that gives the lease back
#   command PID LEADS     it runs; LEADS is 1 where it leads a group and session of its own, else 0
#   reaped                nobody has its pid any more
#   deadline TERM KILL    when which is due, in 1/100 s of the clock below
#   done                  nothing is left to guard
# It answers `late` when it ends the command for being late, and `cgroup FOLDER` where it could put it into one.
# Arguments: the mark that descendants carry in RENTABOT_HELD, and the longest time from TERM to KILL once the wrapper is
# dead, in 1/100 s. POSIX sh with grep, awk and find, because another Node would be too much memory beside every command.
trap '' HUP INT QUIT TERM USR1 USR2 ALRM PIPE
mark=$1 grace=$2 node=$GUARD_NODE program=$GUARD_PROGRAM
# Nor the mark of a lock around this one, which would take what runs here for left behind by its command.
unset GUARD GUARD_NODE GUARD_PROGRAM RENTABOT_HELD RENTABOT_HELD_ENV
back='' pid='' group='' born='' cgroup='' term_at='' kill_at='' timer=''

# Runs on while the machine sleeps, as the lease does.
clock() {
  if read -r up _ </proc/uptime; then
    part=${up#*.}
    now=$((${up%.*} * 100 + 1$part - 100))
  else
    now=$(date +%s)00
  fi
} 2>/dev/null

# For so many hundredths of a second, less than a hundred.
nap() {
  sleep "0.$1" 2>/dev/null || sleep 1
}

# Who lives of the command's tree: by the mark, by the cgroup, by group and session, by parents.
members() {
  if [ ! -e /proc/self/stat ]; then
    if [ "$group" ]; then kill -s 0 -- "-$group" && echo "-$group"; fi
    if [ "$pid" ]; then kill -s 0 -- "$pid" && echo "$pid"; fi
    return
  fi
  {
    for path in $(LC_ALL=C grep -lz "^RENTABOT_HELD=.*$mark" /proc/[0-9]*/environ); do
      path=${path#/proc/}
      echo "${path%/environ}"
    done
    if [ "$cgroup" ]; then find "$cgroup" -name cgroup.procs -exec cat {} +; fi
    cat /proc/[0-9]*/stat | awk -v root="$pid" -v born="$born" -v group="$group" '
      {
        one = $1
        sub(/^.*\) /, "")
        if ($1 == "Z" || $1 == "X") next
        parent[one] = $2
        if (one == root && (born == "" || $20 == born)) found[one] = 1
        if (group != "" && ($3 == group || $4 == group)) found[one] = 1
      }
      END {
        do {
          more = 0
          for (one in parent) if (!(one in found) && (parent[one] in found)) { found[one] = 1; more = 1 }
        } while (more)
        for (one in found) print one
      }'
  } | sort -u
} 2>/dev/null

tell() {
  list=$(members)
  # Several words, on purpose.
  if [ "$list" ]; then kill -s "$1" -- $list; fi
} 2>/dev/null

# Twice, because a process that is just becoming another program shows no mark for a moment.
gone() {
  [ -z "$(members)" ] && nap 02 && [ -z "$(members)" ]
}

# Ends the tree: TERM, and KILL at $1. False where something outlives even that.
end_tree() {
  clock
  if [ "$now" -lt "$1" ]; then
    tell TERM
    tell CONT
    while clock; [ "$now" -lt "$1" ]; do
      gone && return
      nap 02
    done
  fi
  rounds=0
  until gone; do
    rounds=$((rounds + 1))
    [ "$rounds" -gt 200 ] && return 1
    if [ "$cgroup" ]; then echo 1 >"$cgroup/cgroup.kill"; fi
    tell KILL
    nap 02
  done 2>/dev/null
}

# The wrapper is dead: ends the tree, and then gives back.
take_over() {
  clock
  by=$((now + grace))
  if [ "$kill_at" ] && [ "$kill_at" -lt "$by" ]; then by=$kill_at; fi
  end_tree "$by" || exit
  leave_cgroup
  if [ "$back" ]; then printf '%s\n' "$back" | "$node" "$program" give-back; fi
  exit
}

# In steps, because a sleeping machine stops sleep(1) as well, and because somebody may kill the guard ($$) that would
# have moved this deadline: then a living wrapper ($PPID) has another one already.
await_deadline() {
  while clock; left=$((term_at - now)); [ "$left" -gt 0 ]; do
    if ! kill -s 0 "$$" 2>/dev/null; then
      kill -s 0 "$PPID" 2>/dev/null && exit
      take_over
    fi
    if [ "$left" -ge 100 ]; then sleep 1; else nap "$(printf %02d "$left")"; fi
  done
  echo late >&3
  end_tree "$kill_at"
}

# With its sleep, where the system tells which that is. What it may have begun goes on with what is known now.
disarm() {
  if [ "$timer" ]; then
    kill -s STOP "$timer"
    children=''
    read -r children <"/proc/$timer/task/$timer/children"
    kill -s KILL "$timer" $children
    wait "$timer"
  fi
  timer=''
} 2>/dev/null

arm() {
  disarm
  if [ "$term_at" ]; then
    await_deadline &
    timer=$!
  fi
}

# The command's time of birth tells it from another process that gets its pid later.
learn() {
  read -r line <"/proc/$pid/stat" || return
  set -- ${line##*) }
  born=${20}
} 2>/dev/null

# A folder of its own in our cgroup, where we may make one: nothing escapes from that.
enter_cgroup() {
  while read -r _ _ _ root point _ rest; do
    case " $rest" in *' - cgroup2 '*) mount=$point && break ;; esac
  done </proc/self/mountinfo
  while IFS=: read -r id _ path; do
    [ "$id" = 0 ] && own=$path
  done </proc/self/cgroup
  [ "${mount:-}" ] && [ "${own:-}" ] && [ "$root" = / ] || return
  folder=$mount${own%/}/rentabot-${mark%%:*}-$$
  mkdir "$folder" || return
  cgroup=$folder
  if echo "$pid" >"$folder/cgroup.procs"; then echo "cgroup $folder" >&3; else leave_cgroup; fi
} 2>/dev/null

# The dead may take a moment to leave it.
leave_cgroup() {
  tries=0
  while [ -d "${cgroup:-/nowhere/}" ] && [ "$tries" -lt 25 ]; do
    find "$cgroup" -depth -type d -exec rmdir {} \;
    if [ -d "$cgroup" ]; then nap 02; fi
    tries=$((tries + 1))
  done
  cgroup=''
} 2>/dev/null

while read -r word rest <&3; do
  case $word in
    give-back) back=$rest ;;
    command)
      pid=${rest% *}
      if [ "${rest#* }" = 1 ]; then group=$pid; fi
      learn
      arm
      enter_cgroup
      if [ "$cgroup" ]; then arm; fi
      ;;
    reaped)
      pid=''
      arm
      ;;
    deadline)
      term_at=${rest% *} kill_at=${rest#* }
      arm
      ;;
    done)
      disarm
      leave_cgroup
      exit
      ;;
  esac
done

disarm
take_over
