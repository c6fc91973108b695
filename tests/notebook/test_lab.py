"""Every notebook in a real JupyterLab server's kernel, top to bottom, with its defaults (the sample run)."""

import os
import re
import socket
import subprocess
import sys
import time

import pytest
from conftest import ROOT, run_all
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.lab
LAST_OUTPUT = re.compile("Files of this notebook|Settings of this run")
NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root"]
    command += ["--IdentityProvider.token=test", "--LabApp.news_url=None", f"--ServerApp.root_dir={ROOT}"]
    environment = {k: v for k, v in os.environ.items() if k != "BOATLIB_STATIC"}
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(tmp_path_factory.mktemp("settings"))
    environment["JUPYTERLAB_WORKSPACES_DIR"] = str(tmp_path_factory.mktemp("workspaces"))
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(120):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.5)
    before = {path: path.read_bytes() for path in (ROOT / "notebooks").glob("*.ipynb")}
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(20)
    for path, content in before.items():  # Lab saves by itself; notebooks stay without outputs
        path.write_bytes(content)


@pytest.fixture(scope="module")
def sample_run():
    result = run_all()
    assert result.returncode == 0, result.stdout


def test_every_notebook_runs_in_lab_with_its_defaults(lab, sample_run):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        for name in NOTEBOOKS:
            page.goto(f"{lab}/lab/tree/notebooks/{name}?token=test&reset")
            page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
            page.get_by_text("(ipykernel) | Idle").wait_for(timeout=60_000)  # a run started earlier is lost
            page.wait_for_timeout(1000)
            page.click('.lm-MenuBar-itemLabel:text-is("Run")')
            page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
            # Lab draws only the cells in view, and follows the running one: the last output names itself
            page.get_by_text(LAST_OUTPUT).first.wait_for(timeout=120_000)
            assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0, name
            if name.startswith("01"):
                assert page.locator(".widget-dropdown, .jupyter-widgets").count() > 0, "the photo browser is not alive"
        browser.close()
