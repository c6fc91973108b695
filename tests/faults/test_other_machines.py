"""Faults 83 to 89: machines and users whose settings are not ours."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from awkward import NAME, plain
from conftest import ROOT
from untouched import read_only, watched

from boatlib import environment
from boatlib.params import Params, Training
from boatlib.pipeline import chain

pytestmark = pytest.mark.fault


def in_environment(project, settings, *arguments):
    return project.run(*arguments, env=project.environment | settings)


@pytest.fixture
def spoilt_home(tmp_path):
    """A home in which other programs have settings that would spoil ours."""
    home = tmp_path / "home"
    ipython = "c.InteractiveShell.pdb = True\nc.InteractiveShellApp.exec_lines = ['1/0']\n"
    for name, text in {
        ".config/matplotlib/matplotlibrc": "text.usetex: True\nfont.size: 40\n",
        ".ipython/profile_default/ipython_config.py": ipython,
        ".jupyter/jupyter_config.py": "raise RuntimeError('the user has settings')\n",
        ".local/share/jupyter/kernels/python3/kernel.json": json.dumps(
            {
                "argv": ["/nowhere/python", "-m", "nothing", "-f", "{connection_file}"],
                "display_name": "x",
                "language": "python",
            }
        ),
        ".local/share/jupyter/nbconvert/templates/base/null.j2": "spoilt",
        ".local/share/jupyter/nbconvert/templates/base/conf.json": "{",
        ".config/snakemake/default/config.yaml": "cores: none\n",
        "startup.py": "raise SystemExit('the user has a start-up file')",
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    profile = home / ".config" / "snakemake" / "default"
    return home, {
        "HOME": str(home), "SNAKEMAKE_PROFILE": str(profile), "JUPYTER_PATH": str(home / ".local/share/jupyter"),
        "MATPLOTLIBRC": str(home / ".config/matplotlib/matplotlibrc"), "PYTHONSTARTUP": str(home / "startup.py"),
        "MPLBACKEND": "TkAgg",
    }  # fmt: skip


def test_66_and_83_and_85_nothing_of_the_users_own_settings_is_taken_and_photos_are_only_read(awkward, spoilt_home):
    """The whole chain, with photos on a read-only mount."""
    _, settings = spoilt_home
    picture = (awkward.run_folder / "confusion_matrix.png").read_bytes()
    words, environment = awkward.command("--force", "01")[3:], awkward.environment | settings
    with watched(awkward.photos):
        result = awkward.ask(*words, before=read_only(awkward.photos), env=environment)
    assert result.returncode == 0, plain(result)
    assert (awkward.run_folder / "confusion_matrix.png").read_bytes() == picture
    assert in_environment(awkward, settings, "--dry-run").returncode == 0
    dry = in_environment(awkward, {"SNAKEMAKE_PROFILE": "/nowhere"}, "--dry-run")
    assert dry.returncode == 0, plain(dry)


def test_85_kernels_of_jupyterlab_are_ours_too(spoilt_home, monkeypatch):
    _, settings = spoilt_home
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    code = "from jupyter_client.kernelspec import KernelSpecManager as M; print(M().get_kernel_spec('python3').argv[0])"
    done = subprocess.run([sys.executable, "-c", code], env=environment.for_lab(), capture_output=True, text=True)
    assert "/nowhere" not in done.stdout, done.stderr
    kept = environment.for_lab()
    assert "PYTHONSTARTUP" not in kept
    assert "MATPLOTLIBRC" not in kept
    assert str(spoilt_home[0]) not in kept["IPYTHONDIR"] + kept["MPLCONFIGDIR"]


def test_jupyterlabs_of_two_projects_share_no_tabs_and_no_settings(tmp_path, monkeypatch):
    users = tmp_path / "home" / ".jupyter" / "lab" / "user-settings" / "themes.jupyterlab-settings"
    users.parent.mkdir(parents=True)
    users.write_text("dark")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"):
        monkeypatch.delenv(name, raising=False)
    places = []
    for project in ("one", "two"):
        monkeypatch.setenv("BOATLIB_CACHE", str(tmp_path / project))
        environment.for_lab()
        users.write_text("light")  # later the user's own change no more
        kept = environment.for_lab()
        places.append({kept["JUPYTERLAB_SETTINGS_DIR"], kept["JUPYTERLAB_WORKSPACES_DIR"]})
        assert (tmp_path / project / "lab" / "settings" / users.name).read_text() == {"one": "dark", "two": "light"}[
            project
        ]
    assert not places[0] & places[1]


def without_writing_home(home):
    """What stands before a command that cannot write its home folder, also where it is root."""
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def test_84_a_home_that_cannot_be_written(awkward, tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    settings = awkward.environment | {"HOME": str(home)}
    settings = {name: value for name, value in settings.items() if not name.startswith("XDG_")}
    predict = ["-m", "boatlib", "predict", f"runs/{NAME}/model", str(awkward.photos / "kayak" / "000.jpg")]
    for words in (awkward.command("--force", "05")[1:], predict, ["-m", "boatlib", "doctor"]):
        command = [*without_writing_home(home), sys.executable, *words]
        done = subprocess.run(command, cwd=awkward.folder, env=settings, capture_output=True, text=True)
        assert "Your home folder cannot be written, so caches go to" in done.stderr
        plain(done)
        assert done.returncode == 0 or (words[-1] == "doctor" and "need a look" in done.stdout), plain(done)
    assert list(home.iterdir()) == []


def test_84_a_project_whose_caches_cannot_be_written_says_where_they_go(awkward, tmp_path):
    other = other_project(awkward, tmp_path)
    (other / ".cache").mkdir(mode=0o555)
    settings = {name: value for name, value in os.environ.items() if not name.startswith("BOATLIB_")}
    command = [*without_writing_home(tmp_path), sys.executable, "-m", "boatlib", "predict", f"runs/{NAME}/model"]
    command.append(str(awkward.photos / "kayak" / "000.jpg"))
    done = subprocess.run(command, cwd=other, env=settings | {"TMPDIR": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 0, plain(done)
    assert f"The usual folder for caches cannot be written, so they go to {tmp_path}" in done.stderr


def test_84_a_model_is_used_where_nothing_can_be_written(awkward, tmp_path):
    """Outside of a project, without a home: caches are the system's temporary ones."""
    place, home = tmp_path / "elsewhere", tmp_path / "home"
    place.mkdir(mode=0o555)
    home.mkdir(mode=0o555)
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "BOATLIB_"))}
    command = [
        *without_writing_home(home),
        sys.executable,
        "-m",
        "boatlib",
        "predict",
        str(awkward.run_folder / "model"),
    ]
    command.append(str(awkward.photos / "kayak" / "000.jpg"))
    done = subprocess.run(
        command, cwd=place, env=settings | {"HOME": str(home), "TMPDIR": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, plain(done)
    assert "000.jpg\tkayak" in done.stdout


@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan"])
def test_86_numbers_without_an_end_are_refused_everywhere(kept, value):
    result = kept.run("--set", f"training.weight_decay={value}")
    assert result.returncode == 2
    assert "training.weight_decay should be" in plain(result)


def test_86_in_every_float_of_the_schema():
    for section in Params.model_fields:
        model = Params.model_fields[section].annotation
        for name, field in getattr(model, "model_fields", {}).items():
            if field.annotation is float:
                with pytest.raises(ValueError, match="finite"):
                    model(**{name: np.inf})
    assert Training(mixup=0.5).mixup == 0.5


UNTRAINED = ["training.weights=none", "training.pooling=default"]
WRONG = {
    "training.pooling": (
        ["training.backbone=vgg11", "training.weights=none", "training.pooling=mean+gem"],
        r"training.pooling: mean\+gem is not possible",
    ),
    "training.unfreeze": (
        ["training.recipe=finetune", "training.unfreeze=block.6"],
        "the network has no stage 'block.6'. It has: ",
    ),
    "evaluation.show_class": (["evaluation.show_class=kajak"], "no class 'kajak' in .*There are: kayak, paper boat"),
    "a wrong tag": (["training.backbone=timm/resnet18.wrong"], "There are no weights 'timm/resnet18.wrong'"),
    "a file that does not fit": (["training.weights=WEIGHTS"], "do not fit: they are those of another network"),
    "a resolution": (
        ["training.backbone=vit_b_16", "training.resolution=100x100", *UNTRAINED],
        "cannot look at pictures of 100x100",
    ),
    "no such photos": (["images=nowhere"], "The images folder nowhere does not exist"),
}


BY_THE_CHAIN_TOO = ("training.pooling", "evaluation.show_class", "no such photos")


@pytest.mark.parametrize("name", WRONG)
def test_87_what_can_be_known_is_refused_before_the_first_step(kept, tmp_path, name):
    """By `check`, and by the chain, which asks the same (tried for one setting of each kind)."""
    settings, words = WRONG[name]
    file = tmp_path / "other.pt"
    torch.save({"conv_stem.weight": torch.zeros(2, 2), "other": torch.zeros(3)}, file)
    arguments = [word for setting in settings for word in ("--set", setting.replace("WEIGHTS", str(file)))]
    tried = [kept.ask("check", f"params/{NAME}.yaml", *arguments)]
    if name in BY_THE_CHAIN_TOO:
        tried.append(kept.run(*arguments))
    for done in tried:
        assert done.returncode in (2, 3), plain(done)
        assert re.search(words, plain(done)), plain(done)
        assert "01_exploration" not in done.stdout
        assert "fine" not in done.stdout


SAID = {
    "Building DAG of jobs...\nMissingInputException in rule split in file x, line 9:\nMissing input files for rule split:\n": (
        "Missing input files for rule split. Start again; what is missing is made anew."
    ),
    "Traceback (most recent call last):\n  File x\nOSError: [Errno 28] No space left on device: '/x'\n": (
        "[Errno 28] No space left on device: '/x'. Make room on the disk and start again; what was finished is kept."
    ),
    "/bin/sh: 1: sbatch: command not found\nExiting because a job execution failed.\n": (
        "/bin/sh: 1: sbatch: command not found. Look at the profile, and whether its commands are on this computer."
    ),
    "usage: snakemake\nsnakemake: error: unrecognized arguments: --x\n": "snakemake: error: unrecognized arguments: --x.",
    "WorkflowError:\nFailed to open source file\n": "Failed to open source file.",
    "": "Snakemake ended without a word.",
}


@pytest.mark.parametrize("log", SAID)
def test_88_the_cause_is_one_sentence(log):
    assert chain.what_it_said(log) == SAID[log]


def other_project(awkward, tmp_path):
    other = tmp_path / "project"
    shutil.copytree(awkward.folder, other, symlinks=True, ignore=shutil.ignore_patterns("reports"))
    return other


def run_in(awkward, folder, *words, **options):
    return subprocess.run(
        awkward.command(*words), cwd=folder, env=awkward.environment, capture_output=True, text=True, **options
    )  # fmt: skip


@pytest.mark.parametrize("case", ["snakefile", "snakemake's folder", "profile", "page", "report"])
def test_88_each_way_in_which_the_chain_can_stop_says_why(awkward, tmp_path, case):
    folder = other_project(awkward, tmp_path)
    words, expected = [], ""
    if case == "snakefile":
        with (folder / "workflow" / "Snakefile").open("a") as file:
            file.write("\nrule broken\n")
        expected = "The program's own files are damaged: fetch them again."
    elif case == "snakemake's folder":
        shutil.rmtree(folder / ".snakemake", ignore_errors=True)
        (folder / ".snakemake").write_text("a file")
        expected = "The chain stopped: .*\\.snakemake"
    elif case == "profile":
        (folder / "mine").mkdir()
        (folder / "mine" / "config.yaml").write_text("executor: nothing-like-that\ncores: 1\n")
        words, expected = ["--profile", "mine"], "Look at the profile, and whether its commands are on this computer."
    elif case == "page":
        code = "raise RuntimeError('no page today')"
        (folder / "boatlib").unlink()
        shutil.copytree(ROOT / "boatlib", folder / "boatlib")
        text = (folder / "boatlib" / "report" / "render.py").read_text()
        text = text.replace(
            '    file = run.folder / "notebooks"',
            f'    {code}\n    file = run.folder / "notebooks"',
        )
        (folder / "boatlib" / "report" / "render.py").write_text(text)
        expected = "the page of .* stopped: RuntimeError: no page today. The details: .* in the run's logs."
    else:
        (folder / "reports").mkdir()
        shutil.rmtree(folder / "runs" / NAME / "earlier")
        (folder / "runs" / NAME / "earlier").write_text("a file")
        expected = "the report stopped: .* cannot be written"
    done = run_in(awkward, folder, *words)
    assert done.returncode == 4, plain(done)
    assert re.search(expected, plain(done)), plain(done)


def test_88_what_nobody_has_thought_of_is_a_sentence(monkeypatch, capsys, project):
    from boatlib import cli

    monkeypatch.setattr(cli, "_doctor", lambda _: 1 / 0)
    assert cli.main(["doctor"]) == 4
    shown = capsys.readouterr().err
    assert "This should not happen (ZeroDivisionError: division by zero). The details are in" in shown
    assert "ZeroDivisionError" in Path(re.search(r"are in (.*)\.$", shown.strip())[1]).read_text()


@pytest.mark.parametrize(
    "settings",
    [
        {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"},
    ],
)
def test_89_a_system_without_utf8(awkward, settings):
    result = in_environment(awkward, settings, "--force", "01", "--until", "02")
    assert result.returncode == 0, plain(result)
    predict = [
        sys.executable,
        "-m",
        "boatlib",
        "predict",
        f"runs/{NAME}/model",
        str(awkward.photos / "kayak" / "000.jpg"),
    ]
    done = subprocess.run(predict, cwd=awkward.folder, env=awkward.environment | settings, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "photos é {y}/kayak/000.jpg\tkayak".encode() in done.stdout


@pytest.mark.parametrize("ci", [False, True])
def test_91_without_a_browser_tests_are_skipped_with_words_and_fail_in_ci(tmp_path, ci):
    """The tests of pages themselves, in a process that has none."""
    settings = {name: value for name, value in os.environ.items() if name != "CI"} | {"BOATLIB_BROWSER": "/no/browser"}
    (tmp_path / "test_one.py").write_text("def test_one(browser):\n    pass\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rs",
        "-p",
        "chromium",
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    settings |= {"PYTHONPATH": str(ROOT / "tests")} | ({"CI": "true"} if ci else {})
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True)
    assert done.returncode == (1 if ci else 0), done.stdout
    assert "no browser: install Chromium, or name one in BOATLIB_BROWSER" in done.stdout
    assert ("1 skipped" in done.stdout) != ci


def test_91_the_command_gets_a_browser_by_itself(tmp_path):
    """With stand-ins for the system's packages and for Playwright's command: first the one, then the other, then a line."""
    tried = tmp_path / "tried"
    for name in ("apt-get", "id"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} $* >> {tried}\n[ {name} = id ] && echo 0; exit 0\n")
        (tmp_path / name).chmod(0o755)
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\necho python $* >> {tried}\nexit 1\n")
    fake.chmod(0o755)
    script = f"set -euo pipefail; PYTHON={fake}; source workflow/browser.sh; echo went on"
    settings = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, env=settings, capture_output=True, text=True, check=True)
    assert "tests that need one are skipped. Install Chromium, or name one in BOATLIB_BROWSER." in done.stdout
    assert "went on" in done.stdout
    asked = tried.read_text()
    assert "apt-get install -y -qq chromium" in asked
    assert "python -m playwright install chromium" in asked


def test_87_a_check_of_a_good_file_says_so(awkward):
    done = awkward.ask("check", f"params/{NAME}.yaml")
    assert done.returncode == 0, plain(done)
    assert "fine. Run 'mine'" in done.stdout
