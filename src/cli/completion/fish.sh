# rentabot completion for fish: rentabot completion fish > ~/.config/fish/completions/rentabot.fish
function __rentabot_complete
  set -l words (commandline -opc)
  set -l typed (commandline -ct)
  # Without quotes and backslashes; one that is open is closed for that.
  set -l current $typed
  set -l quote (string match -r '^[\'"]' -- $typed)
  for try in $typed$quote $typed
    if set -l plain (string unescape -- $try)
      set current $plain
      break
    end
  end
  set -l found (command $words[1] complete -- $words[2..-1] "$current" 2>/dev/null)
  if test "$found" = ':files'
    set -l option (string match -r '^--[^=]*=' -- $current)
    for path in (__fish_complete_path (string replace -- "$option" '' $current))
      echo "$option$path"
    end
  else
    string join \n -- $found
  end
end
complete -c rentabot -f -a '(__rentabot_complete)'
