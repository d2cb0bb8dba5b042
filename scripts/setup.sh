#!/usr/bin/env bash
# Usage: bash scripts/setup.sh [FOLDER...]
#
# Install memory-router and run `memory-router setup`: it fills memory with what this machine has, connects the agents
# that are here, and answers a first question.
#
#   FOLDER   notes or code to index; without one, repositories and notes in the home folder are found
#
# It makes `.venv` in the repository and links the program into ~/.local/bin. At a terminal it shows a plan and asks;
# otherwise it goes on. Run it again at any time: what is there is kept. `memory-router setup --undo` takes the
# connections out of the agents again.

set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment.sh"
help_for "$@"

for folder in "$@"; do
  case "$folder" in
    -*) stop "there is no option $folder." "See: bash scripts/setup.sh --help" ;;
  esac
  [[ -e "$folder" ]] || stop "$folder does not exist." "Give folders of notes or code, or none at all."
done

install_program
link_program
if [[ -t 0 ]]; then
  memory_router setup "$@"
else
  memory_router setup --yes "$@"
fi
