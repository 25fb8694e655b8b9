# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion of gst-heads. Options are asked from the command itself, so they are never out of date.

_gst_heads_options () {
  gst-heads "$1" --help 2>/dev/null | grep -o -e '^ *-[a-z], --[a-z-]*=\{0,1\}' -e '^ *--[a-z-]*=\{0,1\}' | sed 's/.*--/--/'
}

# NAME= of the variables in a pipeline file.
_gst_heads_variables () {
  gst-heads run --describe "$1" 2>/dev/null | sed -n '/^Variables:/,$ s/^  \([A-Za-z_][A-Za-z0-9_]*\).*/\1=/p'
}

_gst_heads () {
  local cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} word
  local commands="run train-encoder train-head eval refit dataset labels pool-encoder inspect init-encoder doctor help"
  compopt -o default
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
    return
  fi
  case $cur in
    -*)
      compopt -o nospace
      mapfile -t COMPREPLY < <(compgen -W "$(_gst_heads_options "$command")" -- "$cur")
      return
      ;;
  esac
  case $command in
    help)
      mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
      ;;
    run)
      for word in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
        case $word in
          -*) ;;
          *)
            compopt -o nospace
            mapfile -t COMPREPLY < <(compgen -W "$(_gst_heads_variables "$word")" -- "$cur")
            return
            ;;
        esac
      done
      mapfile -t COMPREPLY < <(compgen -f -X '!*.pipeline' -- "$cur"; compgen -d -S / -- "$cur";
        compgen -W "$(gst-heads run --list 2>/dev/null | sed 's/\.pipeline .*//' | sort -u)" -- "$cur")
      ;;
    dataset)
      if [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W "list stats verify export label prune backup" -- "$cur")
      else
        mapfile -t COMPREPLY < <(compgen -d -S / -- "$cur")
      fi
      ;;
    labels)
      if [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W "pull link status" -- "$cur")
      elif [ "$COMP_CWORD" -eq 3 ] || [ "${COMP_WORDS[2]}" != link ]; then
        mapfile -t COMPREPLY < <(compgen -d -S / -- "$cur")
      else
        mapfile -t COMPREPLY < <(compgen -f -X '!*.json' -- "$cur"; compgen -d -S / -- "$cur")
      fi
      ;;
    inspect)
      mapfile -t COMPREPLY < <(compgen -f -X '!*.safetensors' -- "$cur"; compgen -d -S / -- "$cur")
      ;;
  esac
}

complete -F _gst_heads gst-heads
