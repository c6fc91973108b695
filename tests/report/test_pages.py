"""Pages of a tiny run in a real Chromium, from file://, with the network cut: complete, quiet, and usable by everyone."""

import json
import re
import shutil
import subprocess
import sys

import pandas as pd
import pypdf
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from conftest import REAL, ROOT, TINY, WORK, run_all

from boatlib.predictions import classes_of
from boatlib.run import Run, in_words
from boatlib.shares import percent
from boatlib.show import brief

pytestmark = pytest.mark.report

SIZE = 3_000_000  # bytes of a page, at most
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NOISE = [
    "Traceback",
    "Warning",
    "In [",
    "Out[",
    "stderr",
    "epoch   1",
    "it/s",
    "/home/",
    "/tmp/",
    str(ROOT),
    str(WORK),
    "site-packages",
]
REAL_RUN = f"{TINY}-real"
NO_PHOTOS = pytest.mark.skipif(not REAL.is_dir(), reason=f"the photos are not here: {REAL.parent.name}/{REAL.name}")


@pytest.fixture(scope="module")
def report(tiny_run):
    """The folder of a whole report, of the tiny run."""
    return WORK / "reports" / TINY


@pytest.fixture(scope="module")
def real_report():
    """The same of a run on the real photos."""
    result = run_all("params/quick.yaml", "--set", f"run={REAL_RUN}", "--set", f"images={REAL}")
    assert result.returncode == 0, result.stdout + result.stderr
    return WORK / "reports" / REAL_RUN


def pages(report):
    return [*sorted(report.glob("*.html")), report.parent / "index.html"]


def soup_of(file):
    return BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_64_pages_open_offline_without_errors_and_fit(report, browser, width, script):
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, java_script_enabled=script)
    page = context.new_page()
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.on("console", lambda message: seen.append(message.text))
    page.on("pageerror", lambda error: seen.append(str(error)))
    for file in pages(report):
        seen.clear()
        page.goto(f"file://{file}")
        assert [url for url in seen if not url.startswith(("file://", "data:"))] == []
        assert sum(url.startswith("file://") for url in seen) == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width, file.name
        assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)"), file.name
    context.close()


REAL_LIGHT = pytest.param("real_report", "light", True, marks=[pytest.mark.real, NO_PHOTOS])
REPORTS = ["report", pytest.param("real_report", marks=[pytest.mark.real, NO_PHOTOS])]


LOOKS = [("report", "light", True), ("report", "light", False), ("report", "dark", True), REAL_LIGHT]


@pytest.mark.parametrize(("which", "colours", "script"), LOOKS)
def test_65_axe_finds_nothing(request, which, browser, colours, script, tmp_path):
    report = request.getfixturevalue(which)
    context = browser.new_context(color_scheme=colours, offline=True)
    page = context.new_page()
    options = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations", "incomplete"]}
    for file in pages(report):
        if not script:  # axe needs one itself, so the page's own is taken out
            text = file.read_text(encoding="utf-8")
            file = tmp_path / file.name
            file.write_text(re.sub(r"<script>.*?</script>", "", text, flags=re.S), encoding="utf-8")
        page.goto(f"file://{file}")
        if page.locator("#show-code").count():
            page.locator("#show-code").check()
        # axe cannot tell the contrast before a gradient: the shadow at the edge of wide tables is taken away
        page.evaluate("document.querySelectorAll('.table').forEach(box => { box.style.background = 'none'; })")
        result = Axe().run(page, options=options).response
        for kind in ("violations", "incomplete"):
            assert [(rule["id"], rule["nodes"][0]["html"]) for rule in result[kind]] == [], file.name
        assert len(result["passes"]) >= 15
        if page.locator("td.cell summary").count():  # once more, with the photos behind a cell
            page.locator("td.cell summary").first.click()
            opened = Axe().run(page, options=options).response["violations"]
            assert [(rule["id"], rule["nodes"][0]["html"]) for rule in opened] == [], file.name
    context.close()


@pytest.mark.parametrize("which", REPORTS)
def test_65_every_page_keeps_the_rules_of_its_own(request, which):
    report = request.getfixturevalue(which)
    for file in sorted(report.glob("*.html")):
        text = file.read_text(encoding="utf-8")
        soup = BeautifulSoup(text, "html.parser")
        assert len(text.encode()) < SIZE
        assert soup.html["lang"] == "en"
        partner = file.name == "index.html"
        assert (f"Naming photos: {report.name}" if partner else f" · {report.name}") in soup.title.get_text()
        assert soup.find("a", class_="skip")["href"] == "#content"
        levels = [int(head.name[1]) for head in soup.find_all(re.compile("^h[1-6]$"))]
        assert levels.count(1) == 1
        assert levels[0] == 1
        if not file.name.startswith("01"):
            left_out = Run(report.name).table("classes").query("not kept")
            for row in left_out.to_dict("records"):
                assert f"{row['class']} ({row['photos']} photos)" in soup.get_text(), (
                    "a class that was left out is named"
                )
        assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False)), file.name
        for image in soup.find_all("img"):
            assert 15 <= len(image["alt"]) <= 250
            if image.find_parent("figure", class_="chart"):
                assert re.search(r"\d", image["alt"]), image["alt"]  # a finding, not a name
        for table in soup.find_all("table"):
            assert table.caption.get_text().strip()
            assert all(head.get("scope") in ("col", "row") for head in table.find_all("th"))
        policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
        assert policy.startswith("default-src 'none'")
        assert not re.findall(r"""(?:src|href)=["'](?!data:|#|index\.html|\d\d_)""", text)


def test_65_the_partner_sees_no_code_and_nobody_sees_noise(report):
    partner = soup_of(report / "index.html")
    assert not partner.find_all(class_="code")
    assert not partner.find_all(class_="how")
    assert "Paragraphs like this one" not in partner.get_text()
    assert not partner.find_all("input")
    for step in ("01_exploration", "02_split", "03_training", "04_evaluation", "05_tta"):
        assert soup_of(report / f"{step}.html").find_all("details", class_="how"), step
        first, folded = soup_of(report / f"{step}.html").find_all(class_="output")[:2]
        assert "result" in first["class"], step
        assert first.get_text().strip()
        assert folded.details.summary.get_text() == "Parameters"
        assert not folded.details.has_attr("open")
        assert "Try it" not in soup_of(report / f"{step}.html").get_text(), "cells to be changed are not of the chain"
    for file in report.glob("*.html"):
        text = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser").get_text(" ")
        for noise in NOISE:
            assert noise not in text, (file.name, noise)
        for trace in (
            "jupyter.widget",
            "ipywidgets",
            "widget-view",
        ):  # static twins stand where widgets are in JupyterLab
            assert trace not in file.read_text(encoding="utf-8"), (file.name, trace)


def test_numbers_on_the_summary_are_those_of_the_tables(report):
    run, soup = Run(report.name), soup_of(report / "index.html")
    predictions = run.table("predictions")
    right = (predictions["predicted"] == predictions["label"]).sum()
    said = json.loads((report / "summary.json").read_text())
    judged, section = said["policy"], soup.find("section", class_="brief")
    assert (said["correct"], said["photos"]) == (right, len(predictions))
    assert soup.find("meta", attrs={"name": "description"})["content"] == in_words(said)
    used = run.table("policy").query("answer == 'all answers' and action == 'use'")["judged"].sum()
    assert judged["used"] == used
    pages = {
        "page": re.sub(r"\s+", " ", section.get_text(" ")),
        "PDF": re.sub(r"\s+", " ", pypdf.PdfReader(report / "brief.pdf").pages[0].extract_text()),
        "mail": re.sub(r"\s+", " ", (report / "mail.txt").read_text()),
        "list": said["verdict"],
    }
    for place, text in pages.items():
        assert f"right for {right / len(predictions) * 100:.0f} of 100 new ones" in text, place
        assert brief.decision(said) in text, place
        if used:
            assert str(judged["use_per_1000"]) in text, place
            assert f"{judged['wrong'] or 'none'} of {used}" in text or f"{judged['wrong']} of {used}" in text, place
    card = (run.folder / "model" / "MODEL_CARD.md").read_text()
    assert f"{right} of {len(predictions)} test photos rightly" in card
    row = soup_of(report.parent / "index.html").find("a", href=f"{report.name}/index.html").find_parent("tr")
    assert brief.decision(said) in row.get_text()
    assert f"{right / len(predictions):.1%} of {len(predictions)}" in row.get_text()

    matrix = soup.find("table", class_="matrix")
    names = [head.get_text() for head in matrix.thead.find_all("th")][:-1]
    shown = {
        (row.th.get_text(), name): int(cell.strong.get_text() if cell.strong else 0)
        for row in matrix.tbody.find_all("tr", class_=False)
        for name, cell in zip(names, row.find_all("td", class_="cell"), strict=True)
    }
    expected = pd.read_csv(run.folder / "confusion_matrix.csv", index_col="label")
    assert shown == {(a, b): expected.loc[a, b] for a in expected.index for b in expected.columns}
    for cell in matrix.find_all("details"):
        count = int(cell.strong.get_text())
        assert len(cell.find_all("img")) == min(count, 6 if "right" in cell.parent["class"] else 24)

    table = run.table("per_class").set_index("class")
    classes = next(t for t in soup.find_all("table") if t.caption.get_text().startswith("Each class"))
    head = [cell.get_text() for cell in classes.thead.find_all("th")]
    for row in classes.tbody.find_all("tr"):
        cells = dict(zip(head, (cell.get_text() for cell in row.find_all(["th", "td"])), strict=True))
        own = table.loc[cells["class"]]
        assert cells["found"] == f"{int(own['correct'])} of {int(own['test'])}"
        assert cells["95% range"] == f"{percent(own['top1_low'], 0)}\u00a0–\u00a0{percent(own['top1_high'], 0)}"
        assert cells["answers that are true"] == (
            f"{int(own['correct'])} of {int(own['answers'])}" if own["answers"] else "–"
        )
    assert len(classes.tbody.find_all("tr")) == len(table)
    whole = next(t for t in soup.find_all("table") if t.caption.get_text().startswith("What becomes of each answer"))
    assert f"of {used}" in whole.tbody.find("tr").get_text() or not used
    assert len(classes_of(predictions)) == len(names)
    how = json.loads((report / "run.json").read_text())
    assert how["settings"]["run"] == report.name
    assert how["model"][:8] in soup.get_text()


def test_the_keyboard_opens_a_cell_and_sorts_a_table(report, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"file://{report / 'index.html'}")

    def tab_to(test: str) -> None:
        for _ in range(200):
            page.keyboard.press("Tab")
            if page.evaluate(f"(() => {{ const at = document.activeElement; return {test}; }})()"):
                return
        raise AssertionError(f"the Tab key does not reach: {test}")

    tab_to("at.matches('.skip')")
    assert page.locator(".skip").bounding_box()["x"] >= 0  # visible while it has the focus
    tab_to("at.matches('th button') && at.textContent === 'found'")
    column = (
        "() => [...document.querySelectorAll('table.sortable tbody tr')].map(row => Number(row.cells[1].dataset.value))"
    )
    page.keyboard.press("Enter")
    first = page.evaluate(column)
    assert first == sorted(first, reverse=True)
    assert page.locator("th[aria-sort=descending]").count() == 1
    page.keyboard.press("Enter")
    assert page.evaluate(column) == sorted(first)
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("found")
    tab_to("at.matches('td.cell summary')")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert not page.locator(".behind:visible").count()
    page.keyboard.press("Enter")
    opened = page.locator(".behind:visible")
    assert opened.count() == 1
    assert opened.locator("img").count() >= 1
    box = opened.bounding_box()
    assert box["x"] >= 0
    assert box["width"] > 500
    page.keyboard.press("Escape")
    assert not page.locator(".behind:visible").count()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.close()


def test_64_without_script_a_cell_opens_and_the_switch_shows_the_code(report, browser):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(f"file://{report / 'index.html'}")
    page.locator("td.cell summary").first.press("Enter")
    opened = page.locator(".behind:visible")
    assert opened.count() == 1
    assert opened.bounding_box()["width"] <= 390
    page.goto(f"file://{report / '04_evaluation.html'}")
    code = page.locator(".code").first
    assert not code.is_visible()
    page.locator("#show-code").press("Space")
    assert code.is_visible()
    context.close()


def test_64_forced_colours_and_large_type_lose_nothing(report, browser):
    context = browser.new_context(
        forced_colors="active", reduced_motion="reduce", viewport={"width": 640, "height": 800}
    )
    page = context.new_page()
    page.goto(f"file://{report / 'index.html'}")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 640
    colours = page.evaluate(
        "[...document.querySelectorAll('.dots .share')].map(part => getComputedStyle(part).backgroundColor)"
    )
    assert len(set(colours)) == 1  # the system's text colour, not the group's
    assert colours[0] == page.evaluate("getComputedStyle(document.body).color")
    assert page.evaluate("getComputedStyle(document.querySelector('td.right')).outlineStyle") == "solid"
    context.close()


@pytest.mark.parametrize("which", REPORTS)
def test_64_the_pdf_is_tagged_and_whole(request, which):
    report = request.getfixturevalue(which)
    soup = soup_of(report / "index.html")
    assert len(pypdf.PdfReader(report / "brief.pdf").pages) == 1
    texts = []
    for name in ("brief.pdf", "appendix.pdf"):
        reader = pypdf.PdfReader(report / name)
        root = reader.trailer["/Root"]
        assert root["/MarkInfo"]["/Marked"]
        assert root["/Lang"] == "en"
        assert b'pdfuaid:part="1"' in root["/Metadata"].get_data()
        assert reader.metadata.title == soup.title.get_text()
        tags = list(tagged(root["/StructTreeRoot"]))
        assert sum(tag["/S"] == "/H1" for tag in tags) == 1
        assert all(str(tag.get("/Alt", "")).strip() for tag in tags if tag["/S"] == "/Figure")
        assert {"/Table", "/TR", "/TH", "/TD"} <= {tag["/S"] for tag in tags}
        texts.append(" ".join(re.sub(r"\s+", " ", page.extract_text()) for page in reader.pages))
        assert max(page.mediabox.width for page in reader.pages) <= 620
    for head in soup.find_all(re.compile("^h[1-4]$")):
        assert re.sub(r"\s+", " ", head.get_text(" ").strip()) in " ".join(texts), head
    assert "Exploration" not in " ".join(texts)  # no navigation on paper


def tagged(node):
    """All elements of a PDF's tree of tags."""
    children = node.get("/K", [])
    for child in children if isinstance(children, list) else [children]:
        child = child.get_object()
        if isinstance(child, dict) and "/S" in child:
            yield child
            yield from tagged(child)


@pytest.mark.parametrize("language", ["de", "zh"])
def test_a_report_in_another_language(report, browser, language):
    """All of the brief and its appendix, with the numbers of the English one."""
    run, name = Run(report.name), f"{report.name}-{language}"
    folder = WORK / "runs" / name
    shutil.copytree(run.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("logs", "earlier"))
    settings = json.loads((folder / "params.json").read_text())
    settings["run"], settings["share"]["language"] = name, language
    (folder / "params.json").write_text(json.dumps(settings))
    for step in ("06_summary", "report"):
        command = [sys.executable, "-m", "boatlib.pipeline.step", name, step]
        done = subprocess.run(command, cwd=WORK, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    soup = soup_of(WORK / "reports" / name / "index.html")
    assert soup.html["lang"] == language
    text, english = soup.main.get_text(" "), soup_of(report / "index.html").main.get_text(" ")
    words = [word for word in ("photos", "answers", "classes", "Right", "Next") if re.search(rf"\b{word}\b", text)]
    assert words == []
    assert sorted(re.findall(r"\d+/\d+", text)) == sorted(re.findall(r"\d+/\d+", english))
    assert len(pypdf.PdfReader(WORK / "reports" / name / "brief.pdf").pages) == 1
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(f"file://{WORK / 'reports' / name / 'index.html'}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    result = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}}).response
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in result["violations"]] == []
    page.close()
    shutil.rmtree(WORK / "reports" / name)
