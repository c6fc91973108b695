# shellcheck shell=bash
# Sourced by run_all.sh and run_tests.sh. Sets PYTHON to an interpreter that has boatlib and everything it needs:
# that of the active environment where boatlib is installed in it, otherwise that of .venv, which is made when needed.
# BOATLIB_EXTRAS=test adds the tools of the tests. BOATLIB_TORCH_INDEX names another place for torch without CUDA; empty, it is
# not wanted, as where the login node of a cluster has no GPU and others have.
unset PYTHONDONTWRITEBYTECODE # set in many containers; then each of our processes would compile the program anew
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
extras=${BOATLIB_EXTRAS:-}
torch_index=${BOATLIB_TORCH_INDEX-https://download.pytorch.org/whl/cpu}

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

# One that is there is kept, but for one whose Python does not run; one that was begun and not ended, or that uv has made, lacks pip
make_venv() {
  local python=$root/.venv/bin/python
  if ! "$python" -c '' 2>/dev/null; then
    python=$(find_python)
    "$python" -m venv --clear "$root/.venv"
  elif ! "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m ensurepip --default-pip >/dev/null
  fi
}

# uv reads none of pip's settings: a mirror of the package index, and the certificates of a proxy, which the system knows too
settings_of_pip() {
  local index cert
  index=${PIP_INDEX_URL:-$("$root/.venv/bin/python" -m pip config get global.index-url 2>/dev/null || true)}
  cert=${PIP_CERT:-$("$root/.venv/bin/python" -m pip config get global.cert 2>/dev/null || true)}
  [ -z "$index" ] || [ -n "${UV_INDEX_URL:-}${UV_DEFAULT_INDEX:-}" ] || export UV_DEFAULT_INDEX=$index
  [ -z "$cert" ] || [ -n "${SSL_CERT_FILE:-}" ] || export SSL_CERT_FILE=$cert
  export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-1}
}

# Linux without an NVIDIA driver has no use for torch's CUDA libraries, two thirds of all that is installed
without_cuda() {
  [ -n "$torch_index" ] && [ "$(uname -s)" = Linux ] || return
  ! [ -e /proc/driver/nvidia/version ] && ! command -v nvidia-smi >/dev/null || return
  if "$root/.venv/bin/python" -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=5)' "$torch_index/torch/" 2>/dev/null; then
    echo "No NVIDIA driver is here, so torch comes without CUDA. For the usual one: rm -r .venv, and BOATLIB_TORCH_INDEX= before the command."
    return
  fi
  echo "No NVIDIA driver is here, yet torch comes with CUDA libraries of 4 GB: $torch_index cannot be reached."
  return 1
}

# lock.txt without the hashes of torch, which are those of the usual build
locked_but_torch() { awk '/^[^ ]/ { torch = /^torch(vision)?==/; if (torch) print $1 } !torch' "$root/workflow/lock.txt"; }

find_uv() { command -v uv || { "$root/.venv/bin/python" -m pip install --quiet uv 2>/dev/null && echo "$root/.venv/bin/uv"; }; }

# Torch from torch_index, by the command that follows
torch_without_cuda() {
  grep -E "^torch(vision)?==" "$root/constraints.txt" | "$@" --no-deps --requirement /dev/stdin && return
  echo "That torch is not at $torch_index, so the usual one is taken."
  return 1
}

install_packages() {
  local uv install lock=$root/workflow/lock.txt project=$root${extras:+[$extras]}
  if uv=$(find_uv); then
    install=("$uv" pip install --python "$root/.venv/bin/python")
    if without_cuda && torch_without_cuda "${install[@]}" --default-index "$torch_index"; then
      "${install[@]}" --constraint <(locked_but_torch) --editable "$project"
    else
      "${install[@]}" --constraint "$lock" --editable "$project"
    fi
  else
    install=("$root/.venv/bin/python" -m pip install --disable-pip-version-check)
    without_cuda && torch_without_cuda "${install[@]}" --index-url "$torch_index"
    "${install[@]}" --constraint "$root/constraints.txt" --editable "$project"
  fi
}

install_into_venv() {
  local wanted stamp=$root/.venv/.installed
  wanted=$(cat "$root/pyproject.toml" "$root/workflow/lock.txt" | cksum)
  [ "$(cat "$stamp$extras" 2>/dev/null)" = "$wanted" ] && return
  echo "Setting up .venv, once: up to some GB of downloads ..."
  make_venv
  settings_of_pip
  # What was interrupted leaves no stamp: the next start goes on, with the downloads that are there
  if ! install_packages; then
    echo "The packages could not be installed (see above). Check the connection and start again." >&2
    exit 4
  fi
  # The first run need not wait for what every run needs: the fonts of pages, on which code steps depend, and the default network,
  # compiled
  (cd "$root" && {
    .venv/bin/python -c 'from boatlib.show.kit import fonts; fonts.faces("a")' &
    .venv/bin/python -c 'from pathlib import Path; from boatlib.pipeline import dependencies; dependencies.find_out(Path.cwd())' &
    .venv/bin/python -c 'from boatlib.model.networks import backbones; backbones.find_backbone("efficientnet_lite0").engine()'
    wait
  })
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
