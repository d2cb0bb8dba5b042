#!/usr/bin/env bash
# Usage: bash scripts/clients.sh
#
# Install the real programs that tests/clients runs against: QMD, with the Node.js it needs, from npm.
# They take about 1 GB outside the repository: in $MEMORY_ROUTER_CLIENTS, by default memory-router-clients in the
# user's cache folder. What is there already is kept. Where they cannot be installed the reason is written beside
# them, and the tests are skipped with it; this script never fails for that.

set -euo pipefail

qmd="@tobilu/qmd@2.8.3"
node="node@22"

case "${1:-}" in
  -h | --help)
    sed -n '2,/^$/ s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

clients="${MEMORY_ROUTER_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/memory-router-clients}"
home="$clients/qmd"

# skip REASON
skip() {
  printf '%s\n' "$1" >"$home/skipped"
  printf 'skipped: QMD: %s\n' "$1" >&2
  exit 0
}

mkdir -p "$home"
# One installation at a time; the second one finds everything there.
exec 9>"$home/lock"
if command -v flock >/dev/null; then flock 9; fi
[[ -f "$home/installed" && "$(<"$home/installed")" == "$qmd $node" ]] && exit 0

rm -f "$home/installed" "$home/skipped"
command -v npm >/dev/null || skip "there is no npm on this machine."
printf 'Installing %s and %s into %s (a minute or two) ...\n' "$qmd" "$node" "$home" >&2
# npm runs with any Node.js; QMD itself is started with the one installed here.
if ! timeout 300 npm install --prefix "$home" --no-audit --no-fund --no-package-lock --loglevel error \
  "$qmd" "$node" >"$home/npm.log" 2>&1; then
  skip "npm could not install it: $(tail -n 1 "$home/npm.log")"
fi
"$home/node_modules/.bin/node" "$home/node_modules/@tobilu/qmd/dist/cli/qmd.js" --version >"$home/npm.log" 2>&1 9>&- ||
  skip "it does not start here: $(tail -n 1 "$home/npm.log")"
printf '%s %s\n' "$qmd" "$node" >"$home/installed"
