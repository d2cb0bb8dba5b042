#!/usr/bin/env bash
# Usage: bash scripts/clients.sh [PROGRAM...]
#
# Install the real programs that tests/clients runs against, all of them or those named:
#
#   qmd        QMD, with the Node.js it needs, from npm: about 1 GB
#   cognee     Cognee, from PyPI, in an environment of its own: about 1.6 GB and a minute and a half; unless it is
#              named, given up after three minutes
#   claude     Claude Code, from npm
#   openclaw   OpenClaw, with the Node.js it needs, from npm: about 700 MB
#   inspector  the MCP inspector, with the Node.js it needs, from npm
#   axe        axe-core, which judges whether pages of the window can be used by everybody, from npm
#
# They are installed at the same time, outside the repository: in $MEMORY_ROUTER_CLIENTS, by default
# memory-router-clients in the user's cache folder. What is there already is kept. Where one cannot be installed the
# reason is written beside it, and its tests are skipped with it; this script never fails for that.

set -euo pipefail

qmd="@tobilu/qmd@2.8.3"
node="node@22"
cognee="cognee==1.6.5"
claude="@anthropic-ai/claude-code@2.1.329"
openclaw="openclaw@2026.9.6"
openclaw_node="node@24"
axe="axe-core@4.14.1"
inspector="@modelcontextprotocol/inspector@2.12.0"

clients="${MEMORY_ROUTER_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/memory-router-clients}"

# begin NAME VERSION: make the program's folder, one installation at a time; end the subshell if it is there already.
begin() {
  home="$clients/$1"
  name="$1"
  mkdir -p "$home"
  exec 9>"$home/lock"
  if command -v flock >/dev/null; then flock 9; fi
  [[ -f "$home/installed" && "$(<"$home/installed")" == "$2" ]] && exit 0
  rm -f "$home/installed" "$home/skipped"
  printf 'Installing %s into %s (a minute or two) ...\n' "$2" "$home" >&2
}

# skip REASON
skip() {
  printf '%s\n' "$1" >"$home/skipped"
  printf 'skipped: %s: %s\n' "$name" "$1" >&2
  exit 0
}

# install_from_npm NAME NODE PACKAGE ENTRY: install a package with the Node.js it needs ("" for none), and see that ENTRY
# of the folder starts.
install_from_npm() (
  begin "$1" "$2 $3"
  command -v npm >/dev/null || skip "there is no npm on this machine."
  # Packages may look at the Node.js that installs them.
  PATH="$home/node_modules/.bin:$PATH"
  for package in $2 "$3"; do
    timeout 300 npm install --prefix "$home" --no-audit --no-fund --no-package-lock --loglevel error "$package" \
      >"$home/npm.log" 2>&1 || skip "npm could not install $package: $(grep -m 1 -v '^npm warn' "$home/npm.log")"
  done
  start=("$home/node_modules/$4")
  [[ -z "$2" ]] || start=(node "${start[@]}")
  timeout 60 "${start[@]}" --version >"$home/npm.log" 2>&1 9>&- ||
    skip "it does not start here: $(tail -n 1 "$home/npm.log")"
  printf '%s %s\n' "$2" "$3" >"$home/installed"
)

install_qmd() {
  install_from_npm qmd "$node" "$qmd" @tobilu/qmd/dist/cli/qmd.js
}

install_claude() {
  install_from_npm claude "" "$claude" @anthropic-ai/claude-code/bin/claude.exe
}

install_openclaw() {
  install_from_npm openclaw "$openclaw_node" "$openclaw" openclaw/openclaw.mjs
}

install_inspector() {
  install_from_npm inspector "$node" "$inspector" @modelcontextprotocol/inspector/clients/launcher/build/index.js
}

install_axe() (
  begin axe "$axe"
  command -v npm >/dev/null || skip "there is no npm on this machine."
  timeout 120 npm install --prefix "$home" --no-audit --no-fund --no-package-lock --loglevel error "$axe" \
    >"$home/npm.log" 2>&1 || skip "npm could not install $axe: $(grep -m 1 -v '^npm warn' "$home/npm.log")"
  printf '%s\n' "$axe" >"$home/installed"
)

install_cognee() (
  begin cognee "$cognee"
  python3 -m venv --clear "$home/venv" >"$home/pip.log" 2>&1 || skip "python3 can make no environment here."
  if ! timeout "$patience" "$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    "$cognee" >"$home/pip.log" 2>&1; then
    skip "pip could not install it: $(tail -n 1 "$home/pip.log")"
  fi
  "$home/venv/bin/python" -c 'import ladybug' >"$home/pip.log" 2>&1 ||
    skip "its graph library does not start here: $(tail -n 1 "$home/pip.log")"
  printf '%s\n' "$cognee" >"$home/installed"
)

patience=600
[[ $# -gt 0 ]] || { patience=180 && set -- qmd claude inspector openclaw axe cognee; }
for program in "$@"; do
  case "$program" in
    qmd | cognee | claude | openclaw | inspector | axe)
      "install_$program" &
      ;;
    -h | --help)
      sed -n '2,/^$/ s/^# \{0,1\}//p' "$0"
      ;;
    *)
      printf 'error: %s is not known here.\n  Run: bash scripts/clients.sh --help\n' "$program" >&2
      exit 2
      ;;
  esac
done
wait
