# Sourced by the scripts beside it: one environment, `.venv` in the repository, for all of them.

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
environment="$repository/.venv"

say() {
  printf '%s\n' "$*" >&2
}

# stop WHAT-HAPPENED WHAT-TO-DO
stop() {
  printf 'error: %s\n  %s\n' "$1" "$2" >&2
  exit 1
}

is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

can_make_environments() {
  "$1" -c 'import ensurepip, venv' 2>/dev/null
}

# Print a Python that is new enough and can make environments.
find_python() {
  local candidate incomplete=""
  for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
    is_new_enough "$candidate" || continue
    if can_make_environments "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
    incomplete="$candidate"
  done
  if [[ -n "$incomplete" ]]; then
    stop "$incomplete has no \`venv\`, so no environment can be made." \
      "On Debian or Ubuntu: sudo apt install python3-venv. Then run this again."
  fi
  stop "there is no Python 3.11 or newer on the PATH." \
    "Install one (Debian: sudo apt install python3 python3-venv; macOS: brew install python). Then run this again."
}

make_environment() {
  is_new_enough "$environment/bin/python" && "$environment/bin/python" -c 'import pip' 2>/dev/null && return
  local python
  python="$(find_python)"
  say "Making the environment in $environment ..."
  # --clear also mends one whose Python was removed, or that was never finished.
  "$python" -m venv --clear "$environment"
}

# install_once NAME ARGUMENTS...: run `pip install ARGUMENTS`, unless that was done already, for the present
# pyproject.toml and in the present folder.
install_once() {
  local stamp="$environment/.installed-$1"
  shift
  [[ "$stamp" -nt "$repository/pyproject.toml" && "$(<"$stamp")" == "$repository" ]] && return
  say "Installing (the first time takes about half a minute) ..."
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "$@" ||
    stop "pip could not install the packages." "Check the network or your pip configuration. Then run this again."
  printf '%s\n' "$repository" >"$stamp"
}

# Make the program ready to run as `memory_router` below.
install_program() {
  make_environment
  install_once program --editable "$repository[code,graph]"
  install_mcp
}

# The SDK brings a web server along; where pip cannot have it, everything but `memory-router agents mcp` works.
install_mcp() {
  (install_once mcp --editable "$repository[mcp]") || say "Going on without the MCP server."
}

memory_router() {
  "$environment/bin/memory-router" "$@"
}

# Let shells and agents find the program by its name, without displacing another one.
link_program() {
  local folder="$HOME/.local/bin" program="$environment/bin/memory-router"
  local link="$folder/memory-router"
  if [[ "$link" -ef "$program" ]]; then
    :
  elif [[ -e "$link" || -L "$link" ]]; then
    say "$link exists already and was left as it is; this program is $program."
    return
  else
    mkdir -p "$folder"
    ln -s "$program" "$link"
    say "Linked $link."
  fi
  case ":$PATH:" in
    *":$folder:"*) ;;
    *) say "$folder is not on your PATH. Add it: export PATH=\"$folder:\$PATH\"" ;;
  esac
}

# help_for "$@": print the comment at the top of the script and end, if --help is among the arguments.
help_for() {
  local argument
  for argument in "$@"; do
    case "$argument" in
      -h | --help)
        sed -n '2,/^$/ s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    esac
  done
}
