"""A real JupyterLab server, a real browser, real kernels: every notebook runs, and what can be clicked is alive."""

import base64
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from conftest import ROOT, WORK, run_all
from playwright.sync_api import expect
from untouched import read_only, watched

from boatlib.photos import sources
from boatlib.photos.corrections import Corrections
from boatlib.run import Run, all_steps

pytestmark = pytest.mark.lab
LAST_OUTPUT = re.compile("Files of this notebook|Settings, versions and the command")
NOTEBOOKS = all_steps(ROOT)
RUN = "test-lab"


@pytest.fixture(scope="module")
def lab_run(tmp_path_factory):
    """A run on the sample photos whose corrections lie in a file of their own. It was started last, so Lab opens with it.

    Whatever is done in Lab, nothing is written below the images folder (66).
    """
    file = tmp_path_factory.mktemp("corrections") / "corrections.csv"
    file.touch()
    names = {"run": RUN, "images": "sample", "exploration.corrections": str(file)}
    arguments = ["params/quick.yaml", *(word for key, value in names.items() for word in ("--set", f"{key}={value}"))]
    result = run_all(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    with watched(sources.opened("sample")):
        yield Corrections(file), arguments
    for folder in (WORK / "runs" / RUN, WORK / "reports" / RUN):
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory, lab_run):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*read_only(sources.opened("sample")), sys.executable, "-m", "boatlib", "run", "--lab"]
    environment = {k: v for k, v in os.environ.items() if k != "BOATLIB_STATIC"}
    environment |= {"JUPYTER_TOKEN": "test", "JUPYTER_PORT": str(port), "BROWSER": "true"}
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(tmp_path_factory.mktemp("settings"))
    environment["JUPYTERLAB_WORKSPACES_DIR"] = str(tmp_path_factory.mktemp("workspaces"))
    log = (tmp_path_factory.mktemp("log") / "lab.log").open("w")
    process = subprocess.Popen(command, cwd=WORK, env=environment, stdout=log, stderr=log)
    for _ in range(120):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.5)
    before = {path: path.read_bytes() for path in (WORK / "notebooks").glob("*.ipynb")}
    yield SimpleNamespace(pid=process.pid, address=f"http://127.0.0.1:{port}")
    process.terminate()
    process.wait(20)
    after = {path: path.read_bytes() for path in (WORK / "notebooks").glob("*.ipynb")}
    for path, content in before.items():
        path.write_bytes(content)
    assert after == before, "looking at notebooks has changed them"


@pytest.fixture(scope="module")
def lab(server):
    """Its address."""
    return server.address


def test_jupyterlab_answers_this_computer_alone_and_nobody_without_the_token(server):
    listening = {c.laddr.ip for c in psutil.Process(server.pid).net_connections("tcp") if c.status == "LISTEN"}
    assert listening == {"127.0.0.1"}
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{server.address}/api/contents")


class Notebook:
    """A notebook open in JupyterLab."""

    def __init__(self, browser, lab, name):
        self.page = browser.new_page(viewport={"width": 1500, "height": 1000})
        self._address = f"{lab}/lab/tree/notebooks/{name}.ipynb?token=test&reset"
        self.open()

    def open(self):
        self.page.goto(self._address)
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        self.page.get_by_text("(ipykernel) | Idle").wait_for(timeout=60_000)  # a run started earlier is lost
        self.page.wait_for_timeout(1000)

    def menu(self, menu, entry):
        self.page.click(f'.lm-MenuBar-itemLabel:text-is("{menu}")')
        self.page.click(f'.lm-Menu-itemLabel:text-is("{entry}")')

    def run(self):
        """Run all cells; returns how many show an error."""
        self.menu("Run", "Run All Cells")
        # Lab draws only the cells in view, and follows the running one: the last output names itself
        self.page.locator(".jp-OutputArea-output").get_by_text(LAST_OUTPUT).first.wait_for(timeout=180_000)
        self.page.get_by_text("(ipykernel) | Idle").wait_for(timeout=60_000)
        return self.page.locator('[data-mime-type="application/vnd.jupyter.error"]').count()

    def cell(self, source):
        """The cell with this in its source, scrolled into view."""
        outer = self.page.locator(".jp-WindowedPanel-outer").first
        outer.evaluate("panel => panel.scrollTo(0, 0)")
        cell = self.page.locator(".jp-CodeCell", has=self.page.locator(".cm-content", has_text=source)).first
        for _ in range(80):
            if cell.count():
                break
            outer.evaluate("panel => panel.scrollBy(0, 500)")
            self.page.wait_for_timeout(100)
        cell.evaluate("cell => cell.scrollIntoView({block: 'start'})")
        self.page.wait_for_timeout(500)
        return cell

    def close(self):
        self.page.close()


@pytest.fixture(scope="module")
def evaluation(browser, lab):
    notebook = Notebook(browser, lab, "04_evaluation")
    assert notebook.run() == 0
    yield notebook
    notebook.close()


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if name[:2] != "04"])
def test_every_notebook_runs_with_the_settings_of_the_last_run(browser, lab, name):
    notebook = Notebook(browser, lab, name)
    assert notebook.run() == 0
    expect(notebook.cell("# Which run this notebook works on").locator("select")).to_have_value(re.compile("."))
    expect(notebook.cell("# Which run this notebook works on").locator("option").first).to_contain_text(RUN)
    notebook.menu("File", "Save Notebook")
    notebook.page.wait_for_timeout(1000)
    saved = nbformat.read(WORK / "notebooks" / f"{name}.ipynb", as_version=4)
    assert not any(cell.outputs for cell in saved.cells if cell.cell_type == "code")
    notebook.close()


def test_the_browser_pages_and_tells_of_a_photo(browser, lab):
    notebook = Notebook(browser, lab, "01_exploration")
    assert notebook.run() == 0
    cell = notebook.cell("photo_browser.widget")
    cell.locator("select").nth(1).select_option("all")
    cell.locator("select").first.select_option("kayak")
    expect(cell.get_by_text("Photos 1 to 12 of 101")).to_be_visible()
    cell.get_by_title("next page").click()
    expect(cell.get_by_text("Photos 13 to 24 of 101")).to_be_visible()
    cell.locator("button[title$='show more of it']").nth(2).click()
    expect(cell.get_by_text("The model says:")).to_be_visible(timeout=20_000)
    sliders = notebook.cell("augmentation.widget")
    expect(sliders.get_by_text("these are the defaults")).to_be_visible()
    for number in (0, 1):  # views, and the smallest crop
        sliders.locator(".noUi-handle").nth(number).press("ArrowRight")
    expect(sliders.get_by_text("views: 1")).to_be_visible()
    expect(sliders.get_by_text("min_scale: 0.55")).to_be_visible()
    notebook.close()


def test_a_cell_of_the_matrix_opens_and_the_model_shows_where_it_looked(evaluation):
    cell = evaluation.cell("mistake_explorer.widget")
    wrong = cell.locator("button[title*=' taken for ']:not([title^='0 photos'])")
    title = wrong.last.get_attribute("title")
    wrong.last.click()
    expect(cell.get_by_text(re.compile(f"^{title}. Photos 1 to"))).to_be_visible()
    cell.locator("button[title$='show more of it']").first.click()
    cell.get_by_role("button", name="Where did it look?").click()
    expect(cell.get_by_text(re.compile("what spoke for .* is bright")).first).to_be_visible(timeout=30_000)


def test_a_decision_by_keys_outlives_a_reload_and_a_killed_kernel(evaluation, server, lab_run):
    corrections, _ = lab_run
    cell = evaluation.cell("correction_queue.widget")
    expect(cell.get_by_text(re.compile("1 of .* 0 decided"))).to_be_visible()
    cell.get_by_placeholder("click here").click()
    for number, key in enumerate("k2u3dn", 1):
        evaluation.page.keyboard.press(key)
        standing = {"k": 1, "2": 2, "u": 1, "3": 2, "d": 3, "n": 3}[key]
        expect(cell.get_by_text(re.compile(f"{standing} decided"))).to_be_visible()
        assert len(corrections.decided()) == standing, number  # on disk at once
    assert corrections.decided()["decision"].tolist() == ["keep", "relabel", "drop"]
    for button in ("b  back", "n  next"):  # a key is heard after clicks on buttons too
        cell.get_by_role("button", name=button).click()
    evaluation.page.keyboard.press("b")
    expect(cell.get_by_text(re.compile("4 of .* photos; 3 decided"))).to_be_visible(timeout=20_000)
    evaluation.page.keyboard.press("n")
    evaluation.menu("File", "Save Notebook")
    evaluation.page.wait_for_timeout(1000)
    evaluation.open()  # the page is loaded again, the kernel lives on
    expect(evaluation.cell("correction_queue.widget").get_by_text(re.compile("3 decided"))).to_be_visible(
        timeout=20_000
    )
    kernels = [child for child in psutil.Process(server.pid).children() if "ipykernel_launcher" in child.cmdline()]
    assert kernels
    [kernel.kill() for kernel in kernels]
    evaluation.page.wait_for_timeout(4000)
    evaluation.open()
    assert evaluation.run() == 0
    cell = evaluation.cell("correction_queue.widget")
    expect(cell.get_by_text(re.compile("4 of .* 3 decided"))).to_be_visible()
    cell.get_by_role("button", name="b back").click()
    expect(cell.get_by_text("Decided: leave it out.")).to_be_visible()


def test_every_call_explains_itself(evaluation):
    cell = evaluation.cell("show.label_issues.photos(suspects.head(12)")
    cell.locator(".cm-line").first.click()
    evaluation.page.keyboard.press("Home")
    for _ in "show.label_issues.pho":
        evaluation.page.keyboard.press("ArrowRight")
    evaluation.page.keyboard.press("Shift+Tab")
    tooltip = evaluation.page.locator(".jp-Tooltip")
    expect(tooltip).to_contain_text("Photos whose label is in doubt")
    evaluation.page.keyboard.press("Escape")


def test_a_photo_can_be_uploaded_or_pasted(evaluation, lab_run):
    photo = next((Path(os.environ["BOATLIB_CACHE"]) / "photos").glob("sample-*/kayak/*.jpg"))
    cell = evaluation.cell("try_photo.widget")
    with evaluation.page.expect_file_chooser() as chooser:
        cell.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(photo)
    expect(cell.get_by_text(photo.name)).to_be_visible(timeout=20_000)
    expect(cell.get_by_text(re.compile("The model says .* sure"))).to_be_visible()
    cell.get_by_label("Paste a photo here").evaluate(
        """async (box, data) => {
            const blob = await (await fetch('data:image/jpeg;base64,' + data)).blob();
            const transfer = new DataTransfer();
            transfer.items.add(new File([blob], 'photo.jpg', {type: 'image/jpeg'}));
            box.dispatchEvent(new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true, cancelable: true}));
        }""",
        base64.b64encode(photo.read_bytes()).decode(),
    )
    expect(cell.get_by_text("the pasted photo")).to_be_visible(timeout=20_000)


def test_a_refused_variation_leaves_the_run_alone_and_comes_into_view(browser, lab):
    run = WORK / "runs" / RUN
    notebook = Notebook(browser, lab, "02_split")
    assert notebook.run() == 0  # so that the kernel knows all variables
    before = {file: file.stat().st_mtime_ns for file in run.iterdir() if file.is_file()}
    notebook.cell("choose.widget").locator(".cm-content").click()
    for key in ("Escape", "b", "Enter"):
        notebook.page.keyboard.press(key)
    notebook.page.keyboard.insert_text('choose.variation("other", views=1)')
    notebook.menu("Run", "Run All Cells")
    said = notebook.page.get_by_text("views: training and tta have it. Say which").first
    for _ in range(120):
        notebook.page.wait_for_timeout(500)
        if said.count() and 0 < said.bounding_box()["y"] < 1000:
            break
    else:
        raise AssertionError(f"what was refused is not in view: {notebook.page.locator('.jp-Notebook').inner_text()}")
    notebook.page.get_by_text("(ipykernel) | Idle").wait_for(timeout=60_000)
    notebook.page.wait_for_timeout(2000)
    assert {file: file.stat().st_mtime_ns for file in run.iterdir() if file.is_file()} == before
    assert not (run.parent / "other").exists()
    notebook.cell("choose.variation").locator(".cm-content").click()
    for key in ("Escape", "d", "d"):
        notebook.page.keyboard.press(key)
    notebook.menu("File", "Save Notebook")
    notebook.page.wait_for_timeout(1500)
    notebook.close()


def test_the_slider_moves_the_numbers_and_runs_are_compared(browser, lab):
    notebook = Notebook(browser, lab, "06_summary")
    assert notebook.run() == 0
    cell = notebook.cell("threshold.widget")
    words = cell.get_by_text("they look at")
    before = words.inner_text()
    for key in ("End", "ArrowLeft"):
        cell.locator(".noUi-handle").press(key)
    expect(words).not_to_have_text(before)
    notebook.close()


def test_a_training_that_runs_elsewhere_is_watched(browser, lab, lab_run):
    notebook = Notebook(browser, lab, "03_training")
    assert notebook.run() == 0
    cell = notebook.cell("watch.widget")
    picture = cell.locator("figure.chart img")
    before = picture.get_attribute("src")
    _, arguments = lab_run
    result = run_all(*arguments, "--set", "training.epochs=5", "--until", "03")
    assert result.returncode == 0, result.stdout
    expect(picture).not_to_have_attribute("src", before, timeout=20_000)
    assert len(Run(RUN).table("history")) == 5
    notebook.close()


def test_the_next_run_applies_the_decisions_and_says_what_moved(evaluation, lab_run):
    corrections, arguments = lab_run
    result = run_all(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    catalog = Run(RUN).table("catalog")
    decided = catalog[catalog["decision"] != ""].drop_duplicates("sha256")["decision"]
    assert sorted(decided) == ["drop", "keep", "relabel"]
    page = (WORK / "reports" / RUN / "index.html").read_text()
    assert "People have looked at 3 photos: 1 kept as labelled, 1 got another label, 1 left out." in page
    assert "jupyter.widget" not in page
