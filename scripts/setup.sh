#!/usr/bin/env bash
# Usage: bash scripts/setup.sh [FOLDER...]
#
# Set up memory-router with the Starter backends and answer a first question.
#
#   FOLDER   notes or code to index; without one, this project's own documents
#
# It makes `.venv` in the repository, registers the backends, indexes, asks, and links the program into
# ~/.local/bin. Run it again at any time: what is there is kept.

set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment.sh"
help_for "$@"

# Print the name of some file in FOLDER... that can be asked for; nothing if there is none.
some_file() {
  local pattern file
  for pattern in '[A-Za-z]*.md' '[A-Za-z]*.*'; do
    # Hidden folders and dependencies are not indexed.
    file="$(find "$@" \( -name '.[!.]*' -o -name node_modules \) -prune -o -type f -name "$pattern" -print -quit)"
    [[ -z "$file" ]] || break
  done 2>/dev/null
  basename "$file"
}

for folder in "$@"; do
  case "$folder" in
    -*) stop "there is no option $folder." "See: bash scripts/setup.sh --help" ;;
  esac
  [[ -e "$folder" ]] || stop "$folder does not exist." "Give folders of notes or code, or none at all."
done

install_program
say "Registering the backends ..."
memory_router init >/dev/null

if [[ $# -gt 0 ]]; then
  say "Indexing $* ..."
  memory_router index "$@" >/dev/null
  question="$(some_file "$@")"
else
  say "Indexing this project's documents ..."
  memory_router index "$repository"/{*.md,docs/*.md,backends/*.md,backends/*/*.md} >/dev/null
  question="how does the circuit breaker work"
fi

if [[ -n "$question" ]]; then
  say ""
  say "\$ memory-router query \"$question\" --limit 3"
  memory_router query "$question" --limit 3
  say ""
fi
link_program
say "Ready. What to do next:"
say "  memory-router index FOLDER          index notes or code"
say "  memory-router remember \"TEXT\"       keep a fact"
say "  memory-router query \"QUESTION\"      ask"
say "  memory-router skill install         make Claude Code and OpenClaw know the command"
say "  memory-router doctor                check everything"
