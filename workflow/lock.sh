#!/usr/bin/env bash
# Which version of each package is installed: workflow/lock.txt, with the hashes of its files, for uv; constraints.txt, the same
# without them, for pip and conda. What is pinned stays; `workflow/lock.sh --upgrade` takes the newest of everything. Needs uv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv pip compile pyproject.toml --quiet --universal --all-extras --generate-hashes --no-annotate --no-header \
  --python-version 3.11 --output-file workflow/lock.txt "$@"
sed -n 's/ \\$//; /==/p' workflow/lock.txt >constraints.txt
