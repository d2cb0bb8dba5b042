#!/usr/bin/env bash
# Usage: bash scripts/install-pro.sh
#
# Register the Pro backends (cognee, lossless) beside the Starter ones. What is indexed and remembered is kept.

set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_environment.sh"
help_for "$@"

install_program
memory_router init --tier pro
say "Building the graph of what is indexed ..."
memory_router index >/dev/null
link_program
say "Registered. \`memory-router backends\` says which of them can answer, and what to do for the others."
