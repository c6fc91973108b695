"""The first start: what is installed, from where, and what becomes of one that was interrupted. With small packages from an index
on this machine.
"""

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import wheels
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
UV = Path(sys.prefix) / "bin" / "uv"
pytestmark = pytest.mark.deploy

BACKEND = """
import sys
from wheels import wheel

def build_editable(folder, config_settings=None, metadata_directory=None):
    here = __file__.rsplit("/", 1)[0]
    return wheel(folder, "boatlib", "1.0", {"boatlib.pth": here}, ["tiny", "torch", "torchvision"])
"""


def publish(index, name, version, requires=()):
    """A package for an index; returns the hash of its wheel."""
    folder = index / name
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / wheels.wheel(folder, name, version, {f"{name}.py": f"version = {version!r}\n"}, requires)
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / "index.html").write_text(f'<a href="{file.name}#sha256={found}">{file.name}</a>')
    return found


@pytest.fixture
def asked(tmp_path):
    """Addresses that the index on this machine was asked for."""
    found = []

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, *_):
            found.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(tmp_path / "web")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.append(f"http://127.0.0.1:{server.server_port}")
    yield found
    server.shutdown()


@pytest.fixture
def project(tmp_path):
    """A project with workflow/setup.sh, whose packages are small."""
    mirror, cpu, root = tmp_path / "web/mirror", tmp_path / "web/cpu", tmp_path / "project"
    hashes = {
        "tiny": publish(mirror, "tiny", "1.0"),
        "torch": publish(mirror, "torch", "2.0", ["nvidia-all"]),
        "torchvision": publish(mirror, "torchvision", "0.2"),
        "nvidia-all": publish(mirror, "nvidia_all", "1.0"),
    }
    (mirror / "nvidia_all").rename(mirror / "nvidia-all")
    publish(cpu, "torch", "2.0+cpu")
    publish(cpu, "torchvision", "0.2+cpu")
    publish(tmp_path / "web/older", "torch", "1.0+cpu")
    networks = root / "boatlib/model/networks"
    networks.mkdir(parents=True)
    (networks / "backbones.py").write_text(
        "class find_backbone:\n    def __init__(self, name): pass\n    def engine(self): pass\n"
    )
    (root / "boatlib/show/kit").mkdir(parents=True)
    (root / "boatlib/show/kit/fonts.py").write_text("faces = print\n")
    (root / "workflow").mkdir()
    shutil.copy(ROOT / "workflow/setup.sh", root / "workflow")
    versions = {"tiny": "1.0", "torch": "2.0", "torchvision": "0.2", "nvidia-all": "1.0"}
    lock = "".join(f"{name}=={version} \\\n    --hash=sha256:{hashes[name]}\n" for name, version in versions.items())
    (root / "workflow/lock.txt").write_text(lock)
    (root / "constraints.txt").write_text("".join(f"{name}=={version}\n" for name, version in versions.items()))
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "boatlib"\nversion = "1.0"\ndependencies = ["tiny", "torch", "torchvision"]\n'
    )
    (root / "backend.py").write_text(BACKEND)
    shutil.copy(wheels.__file__, root)
    return root


def set_up(project, asked, uv=True, cpu="cpu", python=sys.executable, **more):
    tools = project.parent / "tools"
    tools.mkdir(exist_ok=True)
    places = {name: shutil.which(name) for name in ("bash", "awk", "grep", "cat", "cksum", "dirname", "uname")}
    for name, place in (places | {"python3": python} | ({"uv": UV} if uv else {})).items():
        if not (tools / name).exists():
            (tools / name).symlink_to(place)
    env = {
        "PATH": str(tools), "HOME": str(project.parent), "PIP_INDEX_URL": f"{asked[0]}/mirror", "PIP_CONFIG_FILE": os.devnull,
        "BOATLIB_TORCH_INDEX": f"{asked[0]}/{cpu}", **more,
    }  # fmt: skip
    code = 'set -euo pipefail; source workflow/setup.sh; echo "$PYTHON"'
    return subprocess.run(["bash", "-c", code], cwd=project, env=env, capture_output=True, text=True, timeout=300)


def versions_of(project):
    code = "import importlib.metadata as m; print(*(f'{d.name} {d.version}' for d in m.distributions()), sep='\\n')"
    done = subprocess.run([project / ".venv/bin/python", "-c", code], capture_output=True, text=True, check=True)
    return dict(line.split(" ") for line in done.stdout.splitlines())


def test_the_pinned_versions_are_the_locked_ones():
    lock = (ROOT / "workflow/lock.txt").read_text()
    names = [line.removesuffix(" \\") for line in lock.splitlines() if not line.startswith(" ")]
    assert (ROOT / "constraints.txt").read_text().splitlines() == names, "run workflow/lock.sh"
    blocks = re.split(r"^(?=\S)", lock, flags=re.M)[1:]
    assert all("--hash=sha256:" in block for block in blocks)
    for python in ("3.11.2", "3.12.0", "3.13.0", "3.14.0"):
        here = {
            "python_full_version": python,
            "python_version": ".".join(python.split(".")[:2]),
            "sys_platform": "linux",
        }
        wanted = [Requirement(line) for line in names]
        held = [r.name for r in wanted if r.marker is None or r.marker.evaluate(here)]
        assert len(held) == len(set(held)), f"two versions of one package on Python {python}"


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine has an NVIDIA driver")
def test_92_without_an_nvidia_driver_torch_comes_without_cuda_and_all_else_from_the_mirror(project, asked):
    done = set_up(project, asked)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(project / ".venv/bin/python")
    found = versions_of(project)
    assert (found["torch"], found["torchvision"], found["tiny"]) == ("2.0+cpu", "0.2+cpu", "1.0")
    assert "nvidia_all" not in found
    assert any(path.startswith("/mirror/tiny") for path in asked)
    assert "Setting up" in done.stdout
    assert "Setting up" not in set_up(project, asked).stdout, "nothing is left to do"
    shutil.rmtree(next((project / ".venv/lib").glob("python*/site-packages/pip")))
    (project / ".venv/.installed").unlink()
    again = set_up(project, asked)
    assert again.returncode == 0, f"an environment that lacks pip gets it: {again.stderr}"
    assert versions_of(project)["torch"] == "2.0+cpu"
    assert "so torch comes without CUDA" in again.stdout


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine has an NVIDIA driver")
@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nothing", "No NVIDIA driver is here, yet torch comes with CUDA libraries"),
        ("older", "That torch is not at http"),
    ],
)
def test_92_where_no_other_torch_can_be_had_the_usual_one_is_taken_with_a_sentence(project, asked, place, words):
    done = set_up(project, asked, cpu=place)
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
    assert versions_of(project)["torch"] == "2.0"
    assert "nvidia-all" in versions_of(project) or "nvidia_all" in versions_of(project)


def test_92_for_a_cluster_the_usual_torch_can_be_asked_for(project, asked):
    done = set_up(project, asked, BOATLIB_TORCH_INDEX="")
    assert done.returncode == 0, done.stderr
    assert "CUDA" not in done.stdout
    assert versions_of(project)["torch"] == "2.0"


def test_92_without_a_python_that_is_new_enough_a_sentence_says_so(project, asked):
    done = set_up(project, asked, python=shutil.which("false"))
    assert done.returncode == 4, done.stderr
    assert done.stderr.startswith("Python 3.11 or newer is needed and was not found.")
    assert len(done.stderr.splitlines()) == 1


def test_92_a_file_with_another_hash_is_refused(project, asked):
    lock = project / "workflow/lock.txt"
    lock.write_text(re.sub(r"(tiny.*\n.*sha256:)\w{64}", rf"\g<1>{'0' * 64}", lock.read_text()))
    done = set_up(project, asked, cpu="nothing")
    assert done.returncode == 4
    assert "Hash mismatch" in done.stderr
    assert "could not be installed (see above)" in done.stderr


def test_92_where_uv_cannot_be_had_pip_does_it(project, asked):
    done = set_up(project, asked, uv=False)
    assert done.returncode == 0, done.stderr
    assert versions_of(project)["tiny"] == "1.0"


def test_92_without_a_connection_the_start_ends_with_a_sentence(project, asked):
    closed = "http://127.0.0.1:9"
    more = {"PIP_INDEX_URL": closed, "BOATLIB_TORCH_INDEX": closed, "PIP_RETRIES": "0", "UV_HTTP_RETRIES": "0"}
    done = set_up(project, asked, **more)
    assert done.returncode == 4
    assert "Check the connection and start again." in done.stderr
