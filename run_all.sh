#!/usr/bin/env bash
# From a folder of labelled photos to reports. Makes its own environment the first time; ./run_all.sh --help tells more.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/workflow/setup.sh"
cd "$here"
exec "$PYTHON" -m boatlib run "$@"
