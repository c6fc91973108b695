# shellcheck shell=bash
# Sourced by run_all.sh and run_tests.sh. Sets PYTHON to an interpreter that has boatlib and everything it needs:
# that of the active environment where boatlib is installed in it, otherwise that of .venv, which is made when needed.
# BOATLIB_EXTRAS=test adds the tools of the tests.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
extras=${BOATLIB_EXTRAS:-}

has() { "$1" -I -c 'import importlib.util as u, sys; sys.exit(u.find_spec(sys.argv[1]) is None)' "$2" 2>/dev/null; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11 python; do
    if command -v "$candidate" >/dev/null && new_enough "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  echo "Python 3.11 or newer is needed and was not found. Install it, or activate an environment that has it." >&2
  exit 4
}

install_into_venv() {
  local wanted stamp=$root/.venv/.installed
  wanted=$(cat "$root/pyproject.toml" "$root/constraints.txt" | cksum)
  [ "$(cat "$stamp$extras" 2>/dev/null)" = "$wanted" ] && return
  echo "Setting up .venv, once: a few minutes and some GB of downloads ..."
  [ -x "$root/.venv/bin/python" ] || "$(find_python)" -m venv "$root/.venv"
  # A broken download leaves no stamp, so the next start tries again
  if ! "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint "$root/constraints.txt" --editable "$root${extras:+[$extras]}"; then
    echo "The packages could not be installed (see above). Check the connection and start again." >&2
    exit 4
  fi
  # Compile the default network now: the first run need not wait for it
  (cd "$root" && .venv/bin/python -c 'from boatlib.model.networks import backbones; backbones.find_backbone("efficientnet_lite0").engine()')
  echo "$wanted" >"$stamp$extras"
  echo "$wanted" >"$stamp"
}

active=$(command -v python || true)
if [ -n "${VIRTUAL_ENV:-}${CONDA_PREFIX:-}" ] && [ -n "$active" ] && has "$active" boatlib &&
  { [ "$extras" != test ] || has "$active" pytest; }; then
  PYTHON=$active
else
  install_into_venv
  PYTHON=$root/.venv/bin/python
fi
export PYTHON
