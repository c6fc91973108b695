#!/usr/bin/env bash
# Style checks, types and tests, in the environment that run_all.sh uses too. Arguments go to pytest:
#   ./run_tests.sh -m "not notebook and not report and not lab and not real"     the unit layer alone
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"
BOATLIB_EXTRAS="test"
source workflow/setup.sh
source workflow/browser.sh
bin=$(dirname "$PYTHON")
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/shellcheck" -x run_all.sh run_tests.sh workflow/setup.sh workflow/browser.sh .ci/run
"$bin/mypy"
exec "$PYTHON" -m pytest "$@"
