"""What is shared tells nothing of the computer, and what a class is called stays text."""

import base64
import csv
import hashlib
import io
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pypdf
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, TINY, WORK, draw
from PIL import Image

from boatlib.photos.corrections import Corrections

pytestmark = pytest.mark.report

HOSTILE = f"{TINY}-hostile"
CLASSES = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)",
    "$x$",
    "**md**",
    "{{ x }}",
    "=1+1",
]  # a folder has no "/"
# unique words, in every place that could leak into what is shared
CANARIES = {
    "HOME": "canary-home-5e81",
    "USER": "canary-user-77c0",
    "LOGNAME": "canary-logname-92ab",
    "HOSTNAME": "canary-host-0f3d",
    "KAGGLE_KEY": "canary-kaggle-a41b",
    "HF_TOKEN": "canary-token-c9d2",
    "AWS_SECRET_ACCESS_KEY": "canary-secret-18fe",
    "GIT_AUTHOR_EMAIL": "canary-mail-3b6d@example.org",
}
FOLDER = "canary-data-6d20"
IN_PHOTOS = "canary-exif-be57"

OURS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "script",
    "body",
    "a",
    "header",
    "nav",
    "main",
    "footer",
    "label",
    "input",
}
OURS |= {
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "ul",
    "ol",
    "li",
    "blockquote",
    "strong",
    "em",
    "small",
    "span",
    "br",
    "code",
    "pre",
    "div",
}
OURS |= {
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "figure",
    "figcaption",
    "img",
    "details",
    "summary",
}
OURS |= {"dl", "dt", "dd", "section", "i", "picture", "source"}


@pytest.fixture(scope="module")
def hostile_run(tiny_run, tmp_path_factory):
    """The report folder of a run whose class names attack, whose photos carry marks, in an environment full of secrets."""
    home = tmp_path_factory.mktemp("somewhere") / CANARIES["HOME"]
    images = home / FOLDER
    for number, label in enumerate(CLASSES):
        (images / label).mkdir(parents=True)
        for photo in range(8):
            marks = Image.Exif()
            marks[0x013B] = marks[0x9286] = IN_PHOTOS  # artist, comment
            marks.get_ifd(0x8825).update({1: "N", 2: (59.0, 20.0, 0.0), 29: IN_PHOTOS})  # GPS
            picture = draw(500 * number + photo, number)
            picture.save(images / label / f"{photo}.jpg", quality=90, exif=marks, comment=IN_PHOTOS.encode())
    (images / CLASSES[0] / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    settings = {"run": HOSTILE, "images": str(images), "exploration.min_photos_per_class": 5, "training.epochs": 12}
    settings |= {"tta.views": 2, "share.photo_names": "false"}
    decisions = Corrections(home / f"{FOLDER} decisions" / "corrections.csv")
    photo = images / CLASSES[0] / "0.jpg"
    decisions.decide(hashlib.sha256(photo.read_bytes()).hexdigest(), f"{CLASSES[0]}/0.jpg", CLASSES[1])
    settings["exploration.corrections"] = str(decisions.file)
    command = [sys.executable, "-m", "boatlib", "run", "params/sample.yaml"]
    command += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    environment = os.environ | CANARIES | {"HOME": str(home)}
    result = subprocess.run(command, cwd=WORK, capture_output=True, text=True, timeout=600, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return WORK / "reports" / HOSTILE


def shared(report):
    """Every file that is meant for others: the report, the list of reports, the model folder, the picture for slides."""
    run = WORK / "runs" / HOSTILE
    inside = [path for folder in (report, run / "model") for path in folder.rglob("*") if path.is_file()]
    return [*inside, report.parent / "index.html", run / "confusion_matrix.png"]


def embedded(page: str):
    for kind, data in re.findall(r"data:([a-z/+]+);base64,([A-Za-z0-9+/=]+)", page):
        yield kind, base64.b64decode(data)


def texts(path: Path):
    """All that can be read in a file: its bytes, those of the pictures in it, text and metadata of a PDF."""
    yield path.read_bytes()
    if path.suffix == ".html":
        yield from (data for _, data in embedded(path.read_text(encoding="utf-8")))
    if path.suffix == ".pdf":
        reader = pypdf.PdfReader(path)
        yield str(reader.metadata).encode()
        yield "\n".join(page.extract_text() for page in reader.pages).encode()
        yield from (image.data for page in reader.pages for image in page.images)


def test_61_no_shared_file_tells_where_it_was_made(hostile_run):
    words = [*CANARIES.values(), FOLDER, IN_PHOTOS, str(ROOT), str(WORK), "/tmp/", "canary"]
    host = socket.gethostname()
    words += [host] if len(host) > 5 else []
    private = WORK / "runs" / HOSTILE
    assert FOLDER in (private / "photos.json").read_text()  # the words are there to be found, in what is not shared
    assert IN_PHOTOS.encode() in next((private / "data").rglob("*.jpg")).read_bytes()
    files = shared(hostile_run)
    assert {path.name for path in files} >= {
        "index.html",
        "brief.pdf",
        "appendix.pdf",
        "run.json",
        "mail.txt",
        "04_evaluation.html",
        "model.json",
        "MODEL_CARD.md",
    }
    for path in files:
        for text in texts(path):
            assert [word for word in words if word.encode() in text] == [], path.name


def test_62_embedded_pictures_are_pixels_and_nothing_else(hostile_run):
    seen = 0
    for path in hostile_run.glob("*.html"):
        for kind, data in embedded(path.read_text(encoding="utf-8")):
            if kind == "image/svg+xml":
                assert b"<metadata" not in data or b"matplotlib" in data
                continue
            image = Image.open(io.BytesIO(data))
            assert image.format == "WEBP"
            assert not {"exif", "xmp", "comment", "icc_profile"} & set(image.info)
            seen += 1
    assert seen > 50


def test_photo_names_are_hidden_where_that_is_asked(hostile_run):
    for path in hostile_run.glob("*.html"):
        assert not re.search(r"\d\.jpg|broken\.jpg", path.read_text(encoding="utf-8")), path.name


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_59_class_names_are_text_on_all_pages(hostile_run, browser, script):
    context = browser.new_context(offline=True, java_script_enabled=script)
    page = context.new_page()
    alarms: list[str] = []
    page.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: alarms.append(message.text))
    page.on("pageerror", lambda error: alarms.append(str(error)))
    for path in sorted(hostile_run.glob("*.html")):
        page.goto(f"file://{path}")
        soup = BeautifulSoup(page.content(), "html.parser")
        foreign = {tag.name for tag in soup.find_all(True)} - OURS - {"button"}
        assert not foreign, path.name
        assert not [tag for tag in soup.find_all(True) for name in tag.attrs if name.startswith("on")]
        assert all(image["src"].startswith("data:image/") for image in soup.find_all("img"))
        assert len(soup.find_all("script")) == 1
    assert alarms == []
    text = BeautifulSoup((hostile_run / "index.html").read_text(encoding="utf-8"), "html.parser").main.get_text(" ")
    assert [name for name in CLASSES if name not in text] == []
    context.close()


def test_the_content_security_policy_lets_no_other_script_run(hostile_run, browser, tmp_path):
    page = browser.new_page()
    alarms: list[str] = []
    page.on("dialog", lambda dialog: (alarms.append(dialog.message), dialog.dismiss()))
    changed = (hostile_run / "index.html").read_text(encoding="utf-8")
    changed = changed.replace("</main>", "<script>alert(1)</script><img src=x onerror=alert(2)></main>")
    (tmp_path / "index.html").write_text(changed, encoding="utf-8")
    page.goto(f"file://{tmp_path}/index.html")
    assert page.locator("main img[src=x]").count() == 1
    assert alarms == []
    page.close()


def test_62_no_table_of_a_run_holds_a_formula(hostile_run):
    files = list((WORK / "runs" / HOSTILE).glob("*.csv"))
    assert len(files) >= 13
    for path in files:
        rows = list(csv.reader(path.open(encoding="utf-8", newline="")))
        texts = [cell for row in rows for cell in row if not re.fullmatch(r"-?[\d.]+(e-?\d+)?|", cell)]
        assert [cell for cell in texts if cell.startswith(("=", "+", "-", "@"))] == [], path.name
