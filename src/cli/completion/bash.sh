# rentabot completion for bash: source <(rentabot completion bash)

# What a word means without its quotes, as far as it is typed; in `quote` the one that is still open.
_rentabot_plain() {
  plain=$1 quote=''
  case $plain in
    \'* | \"*)
      quote=${plain:0:1} plain=${plain:1}
      if [[ $plain == *"$quote" ]]; then plain=${plain%"$quote"} quote=''; fi
      [[ ${1:0:1} == \' ]] && return
      ;;
  esac
  # It takes the backslashes away.
  IFS= read plain <<<"$plain"
}

_rentabot() {
  local rest=${COMP_LINE:0:COMP_POINT} words=() word lead plain quote found one i
  # bash takes words apart at : and =, too. They belong together where no blank stands between them.
  for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    lead=${rest%%[![:blank:]]*}
    rest=${rest#"$lead"}
    [[ $rest == "$word"* ]] || word=$rest
    rest=${rest#"$word"}
    if [[ -n $lead || ${#words[@]} -eq 0 ]]; then words+=("$word"); else words[${#words[@]} - 1]+=$word; fi
  done
  for i in "${!words[@]}"; do
    _rentabot_plain "${words[i]}"
    words[i]=$plain
  done
  COMPREPLY=()
  found=$(command "${words[0]}" complete -- "${words[@]:1}" 2>/dev/null) || return
  [[ -n $found ]] || return
  if [ "$found" = ':files' ]; then
    compopt -o default 2>/dev/null
    return
  fi
  # Without quotes only what comes behind the last of those characters is replaced.
  local breaks=${COMP_WORDBREAKS//[!:=@]/} kept=''
  [[ -n $quote || -z $breaks ]] || kept=${plain%"${plain##*[$breaks]}"}
  while IFS= read -r one; do
    case $quote in
      \') one=${one//\'/\'\\\'\'} ;;
      \") one=$(printf '%s' "$one" | sed 's/[\\"$`]/\\&/g') ;;
      *) one=$(printf '%q' "${one#"$kept"}") ;;
    esac
    COMPREPLY+=("$one")
  done <<<"$found"
}
complete -F _rentabot rentabot
