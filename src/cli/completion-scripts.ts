/**
 * What a shell runs when the Tab key is pressed. They hand over the words of the line and take back candidates, one to a
 * line; everything else is decided in complete.ts, so that a script from an older release goes on working.
 */
export const COMPLETION_SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# rentabot completion for bash: source <(rentabot completion bash)
_rentabot() {
  local IFS=$'\\n' line=\${COMP_LINE:0:COMP_POINT} current=\${COMP_WORDS[COMP_CWORD]}
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  local found
  found=$(command "\${COMP_WORDS[0]}" complete -- "\${words[@]}" 2>/dev/null) || return
  if [ "$found" = ':files' ]; then
    compopt -o default 2>/dev/null
    return
  fi
  local one
  for one in $found; do
    one=$(printf '%q' "$one")
    COMPREPLY+=("$one")
  done
}
complete -F _rentabot rentabot
`,
  zsh: `#compdef rentabot
# rentabot completion for zsh: rentabot completion zsh > "\${fpath[1]}/_rentabot"
_rentabot() {
  local -a found
  found=("\${(@f)$(command "\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "\${found[1]}" == ':files' ]]; then
    _files
  elif [[ -n "\${found[1]}" ]]; then
    compadd -- "\${found[@]}"
  fi
}
if [ "$funcstack[1]" = '_rentabot' ]; then
  _rentabot "$@"
else
  compdef _rentabot rentabot
fi
`,
  fish: `# rentabot completion for fish: rentabot completion fish > ~/.config/fish/completions/rentabot.fish
function __rentabot_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l found (command $words[1] complete -- $words[2..-1] $current 2>/dev/null)
  if test "$found" = ':files'
    __fish_complete_path $current
  else
    string join \\n -- $found
  end
end
complete -c rentabot -f -a '(__rentabot_complete)'
`,
};
