import io
import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from conftest import draw
from PIL import Image, ImageDraw

from boatlib.errors import DamagedFileError
from boatlib.model.inference import onnx_example
from boatlib.model.inputs import loading, views
from boatlib.model.networks import backbones
from boatlib.model.training.task import TrainingTask
from boatlib.photos import catalog, glance, same_file, splits
from boatlib.photos.images import Limits, open_photo
from boatlib.results import class_verdicts, shortcuts
from boatlib.run import Run
from boatlib.show import shortcuts as words

CLASSES = ("kayak", "paper boat", "raft", "punt")
EACH = 16


def saved(image, kind="JPEG", quality=88, exif=None):
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality, exif=exif or Image.Exif())
    return buffer.getvalue()


def said(**tags):
    """An EXIF block: make, camera, software, taken, orientation; text of any kind."""
    exif = Image.Exif()
    for name, tag in {"make": 0x10F, "camera": 0x110, "software": 0x131, "taken": 0x132, "orientation": 0x112}.items():
        if name in tags:
            exif[tag] = tags[name]
    if "position" in tags:
        (north, east), degrees = tags["position"], lambda value: (abs(value), 0.0, 0.0)
        exif.get_ifd(0x8825).update({1: "N" if north > 0 else "S", 2: degrees(north), 3: "E", 4: degrees(east)})
    return exif


def framed(image):
    ImageDraw.Draw(image).rectangle((0, 0, image.width - 1, image.height - 1), outline="white", width=5)
    return saved(image)


def stamped(image):
    ImageDraw.Draw(image).rectangle((0, 0, 24, 16), fill=(230, 230, 40))
    return saved(image)


def make(folder, save=saved, others=saved, labels=CLASSES, each=EACH, picture=draw):
    """A set of one hue, so that colours tell nothing; `save` makes the files of its first class, `others` those of all others."""
    for number, label in enumerate(labels):
        (folder / label).mkdir(parents=True)
        for photo in range(each):
            data = (others if number else save)(picture(1000 * number + photo))
            (folder / label / f"{chr(97 + photo % 26)}{photo}").with_suffix(".jpg").write_bytes(data)
    return catalog.build_catalog(folder, 5, near="off", limits=Limits(20))


def known(found):
    return shortcuts.known(splits.make_split(found.table, 0.6, 0.2, 0.2, 1), found.table, found.facts)


def model(labels, share=0.9):
    counts = labels.value_counts()
    columns = {"class": counts.index, "test": counts.to_numpy(), "top1": share, "correct": share * counts.to_numpy()}
    return pd.DataFrame(columns)


def search(found, share=0.9):
    photos = known(found)
    return shortcuts.find_shortcuts(photos, found.glances, model(photos["label"], share))


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    """Enough for sixty photos, in half of the time."""
    monkeypatch.setattr(shortcuts, "TREES", 10)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return make(tmp_path_factory.mktemp("clean") / "photos")


PLANTED = {
    "png": (lambda image: saved(image, "PNG"), "PNG instead of JPEG"),
    "smaller": (lambda image: saved(image.resize((120, 90))), "typically 120 x 90 instead of 160 x 120 pixels"),
    "camera": (lambda image: saved(image, quality=60, exif=said(make="Nikon", camera="D90")), "another camera"),
    "grey": (lambda image: saved(image.convert("L")), "no colour"),
    "frame": (framed, "a thin border alone"),
    "stamp": (stamped, "alone: kayak"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_gives_one_class_away_is_found_and_said(tmp_path, name):
    save, expected = PLANTED[name]
    found = search(make(tmp_path / "photos", save))
    assert found.names == ["kayak"]
    sentence = words.warnings(found)[-1]
    assert expected in sentence
    assert f"{found.classes[0].right} of {EACH} found" in sentence
    assert ("training.same_file: true" in sentence) == (name not in ("frame", "stamp"))
    row = found.table.set_index(["rule", "class"]).loc[(found.classes[0].rule, "kayak")]
    assert row["right"] > 0.9 > 0.6 > row["chance"]
    assert row["model"] == pytest.approx(0.9)


def test_a_clean_set_raises_no_alarm(clean):
    """Four divisions by lot; `benchmarks/shortcuts.py` tries two hundred, and on real photos."""
    photos, random = known(clean), np.random.default_rng(0)
    for count in (2, 3, 4, 2):
        classes = CLASSES[:count]
        labels = photos.assign(label=random.choice(classes, len(photos)))
        found = shortcuts.find_shortcuts(labels, clean.glances, model(labels["label"], 1 / len(classes)))
        assert (found.near, found.classes, found.leaks) == ({}, [], [])
    found = search(clean)
    assert words.warnings(found) == []
    assert words.words(found).text.startswith("No sign that it learnt anything but the things")
    assert list(found.table) == shortcuts.COLUMNS


def test_where_files_say_it_all_they_come_near_the_model(tmp_path):
    found = search(make(tmp_path / "photos", lambda image: saved(image, "PNG"), labels=("kayak", "raft")), 0.95)
    assert list(found.near) == ["file"]
    sentence = words.warnings(found)[0]
    assert "(file format" in sentence
    assert (
        "right for 100% of the photos; the model is right for 95%, always saying the commonest class for 50%"
        in sentence
    )
    kept = json.loads(json.dumps(shortcuts.to_record(found)))
    again = shortcuts.of_record(kept, found.table)
    assert again.names == found.names == ["kayak", "raft"]
    assert words.warnings(again) == words.warnings(found)
    assert "50%" in words.table(found).markup


def test_a_class_may_be_called_like_the_row_of_all_classes(tmp_path):
    labels = (shortcuts.ALL, "<b>raft<b>", "punt", "buoy")
    found = search(make(tmp_path / "photos", lambda image: saved(image, "PNG"), labels=labels))
    assert found.names == [shortcuts.ALL]
    assert "<b>" not in words.table(found).markup
    assert f"alone, without a look at the picture: {shortcuts.ALL} (16 of 16 found" in words.warnings(found)[-1]


def test_colours_of_the_whole_picture_are_no_shortcut(tmp_path):
    """A class that is blue all over is found by its border, and by its middle just as well."""
    number = iter(range(1000))

    def blue(image):
        return saved(draw(next(number), 2))

    found = search(make(tmp_path / "photos", blue))
    assert found.table.set_index(["rule", "class"]).loc[("border", "kayak"), "right"] > 0.9
    assert (found.near, found.classes) == ({}, [])


def test_bytes_that_the_picture_decides_are_no_shortcut(tmp_path):
    """Digits of 28 pixels: a 1 has fewer bytes than an 8, in whatever way both were collected."""

    def digit(seed):
        random, image = np.random.default_rng(seed), Image.new("L", (28, 28))
        strokes = 2 if seed < 1000 else 9
        for _ in range(strokes):
            ImageDraw.Draw(image).line([tuple(random.integers(5, 23, 2).tolist()) for _ in range(2)], fill=255)
        return image

    def as_png(image):
        return saved(image, "PNG")

    found = search(make(tmp_path / "photos", as_png, as_png, labels=("1", "8"), picture=digit))
    assert found.table.set_index(["rule", "class"]).loc[("file", "1"), "right"] > 0.9
    assert (found.near, found.classes) == ({}, [])


def test_photos_of_one_group_count_once(tmp_path):
    found = make(tmp_path / "photos", lambda image: saved(image, "PNG"))
    photos = known(found)
    few = photos["group"].where(photos["label"] != "kayak", [f"patient {n % 3}" for n in range(len(photos))])
    grouped = photos.assign(group=few)
    assert shortcuts.find_shortcuts(grouped, found.glances, model(photos["label"])).names == []
    assert shortcuts.find_shortcuts(photos, found.glances, model(photos["label"])).names == ["kayak"]


def test_of_a_large_set_some_photos_take_part_and_rare_classes_all():
    labels = pd.DataFrame({"label": ["common"] * 9000 + ["rare"] * 31 + ["single"]})
    chosen = labels["label"].iloc[shortcuts._some(labels)].value_counts()
    assert chosen.to_dict() == {"common": 3986, "rare": 30, "single": 1}
    assert len(shortcuts._some(labels.head(4000))) == 4000


def test_photos_that_were_made_alike_no_longer_tell_by_their_files(tmp_path):
    """A class in grey, smaller and more compressed: what is left is what cannot be taken back, and it is said so."""

    def poor(image):
        return saved(image.resize((80, 60)).convert("L"), quality=60, exif=said(make="Nikon"))

    found = make(tmp_path / "photos", poor)
    how = same_file.of_catalog(found.table, found.facts)
    assert how == (80 * 60, True, 60)
    photos, glances = same_file.as_learnt_from(known(found), found.glances, tmp_path / "photos", how)
    assert set(zip(photos["width"], photos["height"], strict=True)) == {(80, 60)}
    assert (photos["make"] == "").all()
    assert photos["grey"].all()
    assert search(found).names == ["kayak"]
    left = shortcuts.find_shortcuts(photos, glances, model(photos["label"]), alike=True)
    assert (left.near, left.names) == ({}, [])
    assert "made alike before" in words.words(left).text
    assert same_file.as_learnt_from(photos, glances, tmp_path, None)[0] is photos


def test_a_photo_is_made_alike_wherever_it_is_shown():
    how = 4000, False, 40
    image = draw(1)
    alike = same_file.made_alike(image, how)
    assert alike.size == (73, 55)
    assert same_file.made_alike(alike, (10_000, False, 40)).size == (73, 55)  # never enlarged
    assert same_file.made_alike(image, None) is image
    grey = np.asarray(same_file.made_alike(image, (4000, True, 40)))
    assert (grey == grey[..., :1]).all()
    prepare = replace(backbones.preprocessing_of("efficientnet_lite0"), same_file=how)
    seen = loading.decode(saved(image, "PNG"), "", ["plain"], prepare)[0]
    bare = replace(prepare, same_file=None)
    assert (seen == views.make_views(alike, ["plain"], bare)[0]).all()
    assert (seen != loading.decode(saved(image, "PNG"), "", ["plain"], bare)[0]).any()
    assert (np.asarray(onnx_example.made_alike(image, list(how))) == np.asarray(alike)).all()
    assert onnx_example.made_alike(image, None) is image


def test_only_models_that_ask_for_it_are_told_apart():
    plain, alike = (backbones.find_backbone("efficientnet_lite0", same_file=how) for how in (None, (4000, True, 40)))
    assert alike.key == f"{plain.key}-alike-4000-1-40"
    assert alike.preprocessing.same_file == (4000, True, 40)
    saved_before = asdict(plain.preprocessing)
    del saved_before["same_file"]
    assert views.Preprocessing.of_saved(saved_before) == plain.preprocessing
    there_and_back = json.loads(json.dumps(asdict(alike.preprocessing)))
    assert views.Preprocessing.of_saved(there_and_back) == alike.preprocessing


def test_a_training_makes_photos_alike_only_when_asked_to(make_task):
    task = make_task()
    asked = task.settings.model_copy(update={"same_file": True})
    with pytest.raises(DamagedFileError, match=r"photos.json"):  # of a run from before
        TrainingTask.of_run(task.run, asked, task.compute, 1)
    task.run.write_record("photos", task.run.record("photos") | {"same_file": [4000, True, 40]})
    found = TrainingTask.of_run(task.run, asked, task.compute, 1)
    assert found.backbones[0].preprocessing.same_file == (4000, True, 40)
    assert task.backbones[0].preprocessing.same_file is None


def test_what_no_class_has_less_of_is_the_measure():
    table = pd.DataFrame({"photo": range(80), "label": ["poor"] * 20 + ["rich"] * 60, "width": 400, "height": 300})
    facts = pd.DataFrame({"photo": range(80), "quality": 90.0, "grey": False})
    assert same_file.of_catalog(table, facts) == (120_000, False, 90)
    table.loc[5:18, "width"] = 200
    facts.loc[3:9, "grey"] = True  # 7 of 20
    facts.loc[:1, "quality"] = 12.0
    assert same_file.of_catalog(table, facts) == (60_000, True, 30)
    assert same_file.of_catalog(table, facts.assign(quality=np.nan, grey=False)) == (60_000, False, 95)


def leaking(clean, **columns):
    photos = known(clean).sort_values("split").reset_index(drop=True)  # test, train, val
    return shortcuts.find_leaks(photos.assign(**columns))


def test_photos_that_belong_together_are_counted(clean):
    photos = known(clean).sort_values("split").reset_index(drop=True)
    count, test = len(photos), int((photos["split"] == "test").sum())
    shots = pd.date_range("2024-05-01 10:00:00", periods=test, freq="1min")
    taken = [
        str(time.isoformat()) for time in [*shots, *(shots + pd.Timedelta(seconds=8)), *shots] + [shots[0]] * count
    ]
    (burst,) = leaking(clean, taken=taken[:count])
    assert (burst.kind, burst.photos, burst.of) == ("seconds", test, test)
    others = np.where(photos["split"] == "test", "Nikon", "Canon")
    assert leaking(clean, taken=taken[:count], make=others) == []  # another camera at the same time
    north = np.where(photos["split"] == "test", 45.0, 45.0004)
    (place,) = leaking(clean, latitude=north, longitude=12.0)
    assert (place.kind, place.photos) == ("place", test)
    assert leaking(clean, latitude=np.where(photos["split"] == "test", 45.0, 45.001), longitude=12.0) == []
    names = [f"{label}/p{n % 15:02d}_{n}.jpg" for n, label in enumerate(photos["label"])]
    (series,) = leaking(clean, photo=names)
    assert (series.kind, series.photos) == ("names", test)
    assert leaking(clean, photo=names, group_by=names) == []  # they were asked for
    assert leaking(clean) == []
    for leak in (burst, place, series):
        text = words._leak(leak)
        assert f"Of {test} test photos {test}" in text
        assert "split.group_by" in text
        assert not any(secret in text for secret in ("45.0", "2024", "Nikon", "p01", ".jpg"))


def test_what_a_file_says_is_read_cleaned_and_never_breaks_a_run():
    exif = said(make="Nikon\x07" + "x" * 500, camera=3, software="a\nb", taken="2024:05:01 10:20:30", orientation=6)
    facts = glance.file_facts(saved(draw(1), quality=73, exif=exif))
    assert facts["make"].startswith("Nikonx")
    assert len(facts["make"]) == glance.LONGEST
    assert (facts["camera"], facts["software"], facts["orientation"]) == ("3", "ab", 6)
    assert (facts["taken"], facts["quality"]) == ("2024-05-01T10:20:30", 73)
    south = glance.file_facts(saved(draw(1), exif=said(position=(-33.5, 151.25), taken="2024:13:01 10:20:30")))
    assert (south["latitude"], south["longitude"], south["taken"]) == (-33.5, 151.25, "")
    for position in ((0.0, 0.0), (95.0, 10.0)):
        assert np.isnan(glance.file_facts(saved(draw(1), exif=said(position=position)))["latitude"])
    whole = saved(draw(1), exif=exif)
    for place in range(20, 400, 7):
        damaged = bytearray(whole)
        damaged[place : place + 4] = b"\xff\xfe\x00\xff"
        assert set(glance.file_facts(bytes(damaged))) == set(glance.FACTS) - {"grey"}
    assert np.isnan(glance.file_facts(b"no picture")["quality"])


def test_a_glance_tells_colours_rim_and_middle():
    image = Image.new("RGB", (200, 100), (255, 0, 0))
    image.paste((0, 0, 255), (60, 30, 140, 70))
    seen = {name: glance.part(glance.glance(glance.reduced(image))[None], name)[0] for name in glance.PARTS}
    assert seen["colours"].sum() == pytest.approx(1, abs=1e-3)
    assert seen["colours"][48] == pytest.approx(0.84, abs=0.02)  # of pure red
    assert seen["border"].reshape(4, 4) == pytest.approx(np.tile([1, 0, 0, 0], (4, 1)))
    assert seen["background"].tolist() == [1, 0, 0]
    assert seen["middle"].reshape(4, 4)[:, 2].min() > 0.5
    assert glance.glance(Image.new("RGB", (1, 1))).shape == (sum(glance.PARTS.values()),)
    assert glance.is_grey(Image.new("RGB", (9, 9), (90, 92, 95)))
    assert not glance.is_grey(image)


def test_a_glance_at_deep_pictures_is_by_the_range_of_the_set(tmp_path):
    def deep(image):
        buffer = io.BytesIO()
        grey = np.asarray(image.convert("L"), np.uint16) * 4
        Image.fromarray(grey).save(buffer, "PNG")
        return buffer.getvalue()

    found = make(tmp_path / "photos", deep, deep, each=8)
    low, high = found.value_range
    wanted = (np.asarray(glance.reduced(draw(0)).convert("L"), float)[:4].mean() * 4 - low) / (high - low)
    assert glance.part(found.glances, "border")[0, 0] == pytest.approx(wanted, abs=0.02)
    alone = glance.glance(glance.reduced(open_photo(tmp_path / "photos" / "kayak" / "a0.jpg").image))[None]
    assert glance.part(alone, "border")[0, 0] != pytest.approx(wanted, abs=0.03)  # by a range of its own


def test_files_of_a_run_hold_facts_and_glances(clean, project):
    run = Run("glances")
    run.write_table("file_facts", clean.facts.assign(make="007", latitude=1.5))
    run.write_array("glances", clean.glances)
    first = run.path("glances").read_bytes()
    run.write_array("glances", clean.glances)
    assert run.path("glances").read_bytes() == first
    facts = run.table("file_facts")
    assert (facts["make"].iloc[0], facts["grey"].dtype, facts["quality"].iloc[0]) == ("007", bool, 88)
    some = facts["photo"].iloc[[5, 2]]
    assert (glance.of_photos(some, facts, run.array("glances")) == clean.glances[[5, 2]]).all()
    run.path("glances").write_bytes(first[:-9])
    with pytest.raises(DamagedFileError, match=r"glances.npy is damaged"):
        run.array("glances")


def test_a_class_that_a_shortcut_finds_is_never_dependable():
    rows = pd.DataFrame(
        {"class": ["kayak", "raft"], "test": 40, "correct": 40, "answers": 40, "top1": 1.0, "top1_low": 0.91}
    )
    judged = class_verdicts.class_verdicts(rows, 0.9, ["raft"]).set_index("class")
    assert judged["verdict"].to_dict() == {"kayak": "dependable", "raft": "not yet"}
    assert judged["why"].to_dict() == {"kayak": "", "raft": "shortcut"}
