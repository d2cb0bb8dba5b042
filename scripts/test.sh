#!/usr/bin/env bash
# Usage: bash scripts/test.sh [PYTEST-ARGUMENT...]
#
# Make the environment with what development needs, and run the tests.
#
#   bash scripts/test.sh                         all of them, in two processes
#   bash scripts/test.sh tests/routing -n 0      one folder, in one process

set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment.sh"
source "$(dirname "${BASH_SOURCE[0]}")/_servers.sh"
[[ "${1:-}" == "--help" || "${1:-}" == "-h" ]] && help_for "$1"

make_environment
# `--group` came with pip 25.1.
install_once pip --upgrade "pip>=25.1"
install_once development --editable "$repository[code,graph,watch,window]" --group "$repository/pyproject.toml:dev"
install_mcp
install_servers
cd "$repository"
exec "$environment/bin/python" -m pytest -n 2 "$@"
