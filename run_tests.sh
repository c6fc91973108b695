#!/usr/bin/env bash
# Style checks, types and tests, in the environment that run_all.sh uses too. Arguments go to pytest:
#   ./run_tests.sh tests/unit          the unit layer alone, in well under a minute
#   ./run_tests.sh --all               also what is slow and rarely breaks (CONTRIBUTING.md says when)
# Each of the workers (one a core, four at the most) has a copy of the project for itself.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"
BOATLIB_EXTRAS="test"
source workflow/setup.sh
source workflow/browser.sh
bin=$(dirname "$PYTHON")
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/shellcheck" -x run_all.sh run_tests.sh workflow/setup.sh workflow/browser.sh workflow/lock.sh .ci/run
"$bin/mypy"
some=(-m "not slow")
if [ "${1:-}" = --all ]; then
  some=()
  shift
fi
exec "$PYTHON" -m pytest -n logical --maxprocesses 4 "${some[@]}" "$@"
