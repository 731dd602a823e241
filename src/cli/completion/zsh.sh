#compdef rentabot
# rentabot completion for zsh: rentabot completion zsh > "${fpath[1]}/_rentabot"
_rentabot() {
  local -a found before
  before=("${(@Q)words[1,CURRENT-1]}")
  found=("${(@f)$(command "${before[1]}" complete -- "${(@)before[2,-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  if [[ "${found[1]}" == ':files' ]]; then
    compset -P '--*='
    _files
  elif [[ -n "${found[1]}" ]]; then
    compadd -- "${found[@]}"
  fi
}
if [ "$funcstack[1]" = '_rentabot' ]; then
  _rentabot "$@"
else
  compdef _rentabot rentabot
fi
