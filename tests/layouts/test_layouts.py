"""Sets as people have them: what is understood, what is asked, what is said. The table in README.md quotes it."""

import io
import json
import re
import shutil
import zipfile

import pandas as pd
import pytest
from conftest import REAL, ROOT, draw
from PIL import Image

from boatlib import show
from boatlib.cli import main
from boatlib.errors import DataError, ParameterError
from boatlib.order import natural
from boatlib.params import Exploration, load_params
from boatlib.photos import catalog, sources, splits
from boatlib.photos.images import Limits
from boatlib.photos.layout import sets

ROWS = {
    int(number): said
    for number, said in re.findall(
        r"^\| (\d+) \| .+ \| (.+?) \|$", (ROOT / "tests/layouts/README.md").read_text(encoding="utf-8"), re.M
    )
}
PHOTOS = sorted(REAL.glob("kayak/*.jpg"))[:40] if REAL.is_dir() else []


def put(folder, *names, start=0):
    """Real photos under these names; drawn ones where the real ones are not here. Other formats are converted."""
    for number, name in enumerate(names, start):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if PHOTOS and file.suffix == ".jpg":
            shutil.copyfile(PHOTOS[number % len(PHOTOS)], file)
        else:
            (Image.open(PHOTOS[number % len(PHOTOS)]) if PHOTOS else draw(number)).convert("RGB").save(file)
    return folder


def many(pattern, *ways, each=2):
    return [pattern.format(*way.split("|"), number) for way in ways for number in range(each)]


def said(number, listing_or_error):
    """The sentence that README.md quotes is among what was said."""
    words = [str(listing_or_error)] if isinstance(listing_or_error, Exception) else listing_or_error.notes
    everything = " ".join(words) or "One folder of photos for each class."
    assert ROWS[number] in everything, everything


def asked(number, folder, **settings):
    with pytest.raises(DataError) as error:
        sets.read(folder, Exploration(**settings))
    said(number, error.value)
    return str(error.value)


def counts(listing, column="label"):
    return listing.used[column].value_counts().to_dict()


def test_every_row_of_the_table_has_its_test():
    bodies = (ROOT / "tests/layouts/test_layouts.py").read_text(encoding="utf-8")
    assert sorted(ROWS) == sorted({int(n) for n in re.findall(r"(?:said|asked)\((\d+),", bodies)}) == list(range(1, 23))


def test_the_articles_own_folder(tmp_path):
    names = many("data/{}/{}/{}.jpg", "train|kayak", "train|raft", each=4) + many(
        "data/{}/{}/{}.jpg", "val|kayak", "val|raft", "test|kayak", "test|raft"
    )
    found = sets.read(put(tmp_path, *names))
    said(1, found)
    assert counts(found) == {"kayak": 8, "raft": 8}
    assert counts(found, "part") == {"train": 8, "val": 4, "test": 4}
    assert "The folder “data” holds the whole set." in found.notes
    deeper = sets.read(tmp_path / "data", Exploration(label_from="last"))
    assert counts(deeper) == counts(found)


def test_a_part_that_is_missing_and_blanks_everywhere(tmp_path, project):
    names = many("my set/{}/{}/photo no {}.jpg", "Training|paper boat", "Training|sea kayak", each=4)
    names += many("my set/{}/{}/no {}.jpg", "validation|paper boat", "validation|sea kayak")
    found = sets.read(put(tmp_path / "s", *names) / "my set")
    said(2, found)
    table = catalog.build_catalog(found, 3, near="off").table
    split = splits.make_split(table, 0.6, 0.2, 0.2, 1)
    assert split.merge(table, on="photo").query("part == 'val'")["split"].eq("val").all()
    assert splits.count_by_split(split).sum().to_dict() == {"train": 6, "val": 4, "test": 2}
    ignored = splits.make_split(table, 0.6, 0.2, 0.2, 1, given="ignore")
    assert splits.count_by_split(ignored).sum().to_dict() == {"train": 8, "val": 2, "test": 2}


def test_parts_inside_the_classes(tmp_path):
    found = sets.read(put(tmp_path, *many("{}/{}/{}.jpg", "apple|train", "pear|train", "apple|TEST", "pear|TEST")))
    said(3, found)
    assert counts(found, "part") == {"train": 4, "test": 4}
    assert set(counts(found)) == {"apple", "pear"}


def test_folders_around_everything(tmp_path):
    found = sets.read(put(tmp_path, *many("my photos/2024/{}/{}.jpg", "apple", "pear")))
    said(4, found)
    assert counts(found) == {"apple": 2, "pear": 2}


def test_uneven_depths(tmp_path):
    put(tmp_path, *many("Fruit/{}/{}.jpg", "Apple/Golden", "Banana"), *many("Vegetables/{}/{}.jpg", "Carrot"))
    found = sets.read(tmp_path)
    said(5, found)
    assert counts(found) == {"Fruit": 4, "Vegetables": 2}
    assert counts(sets.read(tmp_path, Exploration(label_from="last"))) == {"Golden": 2, "Banana": 2, "Carrot": 2}
    assert counts(sets.read(tmp_path, Exploration(label_from=2))) == {"Apple": 2, "Banana": 2, "Carrot": 2}
    third = sets.read(tmp_path, Exploration(label_from=3))
    assert counts(third) == {"Golden": 2}
    assert "lies 2 folders deep, and exploration.label_from is 3" in set(third.rows["reason"])


def test_folders_that_can_be_understood_in_two_ways(tmp_path):
    put(tmp_path, *many("{}/{}/{}.jpg", "north|apple", "north|pear", "south|apple", "south|pear"))
    asked(6, tmp_path)
    assert set(counts(sets.read(tmp_path, Exploration(label_from="first")))) == {"north", "south"}
    assert set(counts(sets.read(tmp_path, Exploration(label_from="last")))) == {"apple", "pear"}


def test_parts_alone_are_no_classes(tmp_path):
    words = asked(7, put(tmp_path, *many("{}/{}.jpg", "train", "test")))
    assert "set images: to that table" in words
    with pytest.raises(DataError, match="no train folder beside"):
        sets.read(put(tmp_path / "x", *many("test/{}/{}.jpg", "a", "b")))


def test_a_competition(tmp_path):
    put(tmp_path, *many("train/00{}{}.jpg", "a", "b", each=4), *many("test/9{}{}.jpg", "a", each=3))
    ids = [f"00{letter}{number}" for letter in "ab" for number in range(4)]
    pd.DataFrame({"id": ids, "breed": ["collie"] * 4 + ["pug"] * 4}).to_csv(tmp_path / "train.csv", index=False)
    pd.DataFrame({"id": ["9a0"], "collie": [0.5], "pug": [0.5]}).to_csv(tmp_path / "sample_submission.csv", index=False)
    found = sets.read(tmp_path)
    said(8, found)
    assert counts(found) == {"collie": 4, "pug": 4}
    assert (found.rows.loc[found.rows["photo"].str.startswith("test/"), "reason_code"] == "no_row").all()
    assert counts(sets.read(tmp_path / "train.csv")) == counts(found)


def test_three_tables_of_numbers(tmp_path):
    number = 0
    for part, each in (("train", 4), ("val", 2), ("test", 2)):
        lines = []
        for label in (0, 1):
            for place in range(each):
                put(tmp_path, name := f"{part}/{label}/same name {place}.jpg", start=number)
                lines.append(f"{name}, {label}, 0")
                number += 1
        (tmp_path / f"{part}.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "classes.csv").write_text(
        "Class Name (str),Class ID (int),Group\nGolden,0,Apple\nGala,1,Apple\nKiwi,2,Kiwi\n"
    )
    found = sets.read(tmp_path / "val.txt")
    said(9, found)
    assert "Names of the classes come from classes.csv." in found.notes
    assert counts(found) == {"Golden": 8, "Gala": 8}
    assert counts(found, "part") == {"train": 8, "val": 4, "test": 4}
    assert found.rows["photo"].is_unique
    with pytest.raises(ParameterError, match="no column '7'. The columns: '1', '2', '3'"):
        sets.read(tmp_path / "val.txt", Exploration(label_column="7"))


def test_numbered_tables_in_another_encoding(tmp_path):
    put(tmp_path, *(f"imágenes/{number:04d}.bmp" for number in range(10)))
    labels = ["sí", "sí", "sí", "no", "no", "no", "Not sure", "Other", "?", "no"]
    text = "Número;Edad;Diagnóstico\n" + "\n".join(f"{n};{30 + n},5;{label}" for n, label in enumerate(labels))
    (tmp_path / "etiquetas.csv").write_bytes(text.encode("cp1252"))
    found = sets.read(tmp_path / "etiquetas.csv", Exploration(leave_out=["Not sure", "Other", "?"]))
    said(10, found)
    assert counts(found) == {"no": 4, "sí": 3}
    assert found.rows["reason"].str.contains("exploration.leave_out").sum() == 3
    with pytest.raises(ParameterError, match="no class 'Othr'"):
        sets.read(tmp_path / "etiquetas.csv", Exploration(leave_out=["Othr"]))


def test_a_column_for_each_class(tmp_path):
    put(tmp_path, *(f"photos/{number}.jpg" for number in range(8)))
    hot = [[1, 0]] * 4 + [[0, 1]] * 4
    table = pd.DataFrame(hot, columns=["healthy", "rust"]).assign(split=["Train", "train", "valid", "test"] * 2)
    table.insert(0, "image", range(8))
    table.to_csv(tmp_path / "labels.csv", index=False)
    found = sets.read(tmp_path)
    said(11, found)
    assert counts(found) == {"healthy": 4, "rust": 4}
    assert counts(found, "part") == {"train": 4, "val": 2, "test": 2}


def test_rows_and_photos_that_do_not_fit(tmp_path):
    put(tmp_path, *(f"{number}.jpg" for number in range(8)))
    rows = [(f"{n}.jpg", "ab"[n % 2]) for n in range(6)] + [("0.jpg", "b"), ("1.jpg", "b"), ("99.jpg", "a")]
    pd.DataFrame(rows, columns=["file", "label"]).to_csv(tmp_path / "labels.tsv", sep="\t", index=False)
    found = sets.read(tmp_path)
    said(12, found)
    reasons = found.rows.set_index("photo")["reason"].to_dict()
    assert reasons["0.jpg"] == "the table gives it two labels: a and b"
    assert reasons["1.jpg"] == ""
    assert reasons["6.jpg"] == reasons["7.jpg"] == "no row of the table names it"
    assert reasons["99.jpg"] == "a row of labels.tsv without a photo: there is no such photo"
    assert len(found.rows) == 9
    assert "labels.tsv" not in reasons
    table = catalog.build_catalog(found, 1).table
    assert (table["status"] == "used").sum() == 5
    assert table.set_index("photo").loc["99.jpg", "reason_code"] == "no_file"


def test_what_is_no_photo_of_the_set(tmp_path):
    put(tmp_path, *many("{}/{}.jpg", "leaf", "root", each=4))
    put(tmp_path, *(f"leaf/{n}_mask.png" for n in range(4)), "root/0.png", "root/thumbs/0.jpg", "sample_images/0.jpg")
    found = sets.read(tmp_path)
    said(13, found)
    assert counts(found) == {"leaf": 4, "root": 4}
    assert found.rows["reason_code"].eq("second_version").sum() == 7
    chosen = sets.read(tmp_path, Exploration(include=["leaf/*", "root/*.jpg"], exclude=["thumbs/"]))
    assert counts(chosen) == {"leaf": 8, "root": 4}
    with pytest.raises(ParameterError, match=r"exploration.exclude: no file fits 'masks/'"):
        sets.read(tmp_path, Exploration(exclude=["masks/"]))


def test_several_photos_of_one_patient(tmp_path):
    put(tmp_path, *(f"{'ab'[n % 2]}/p{n:02d}_{shot}.jpg" for n in range(12) for shot in range(3)))
    found = sets.read(tmp_path)
    said(14, found)
    grouped = sets.read(tmp_path, group_by=found.offers["split.group_by"])
    assert grouped.used["group_by"].nunique() == 12
    assert any("36 photos belong to 12 groups" in note for note in grouped.notes)
    table = catalog.build_catalog(grouped, 3, near="off").table
    split = splits.make_split(table, 0.6, 0.2, 0.2, 1)
    own = split["photo"].str.extract(r"(p\d+)")[0]
    assert (split.groupby(own)["split"].nunique() == 1).all()
    assert splits.count_by_split(split).sum().to_dict() == {"train": 24, "val": 6, "test": 6}
    with pytest.raises(ParameterError, match="fits no photo"):
        sets.read(tmp_path, group_by="nobody")
    with pytest.raises(ParameterError, match="neither a column nor a regular expression"):
        sets.read(tmp_path, group_by="(")


def test_the_folder_of_hugging_face(tmp_path):
    for part in ("train", "test"):
        put(tmp_path, *(f"{part}/{number}.jpg" for number in range(4)))
        rows = pd.DataFrame({"file_name": [f"{n}.jpg" for n in range(4)], "label": list("aabb")})
        rows.to_csv(tmp_path / part / "metadata.csv", index=False)
    found = sets.read(tmp_path)
    said(15, found)
    assert counts(found, "part") == {"train": 4, "test": 4}
    assert all(
        photo.startswith(f"{part}/") for photo, part in zip(found.used["photo"], found.used["part"], strict=True)
    )


def test_pictures_inside_of_a_table(tmp_path, project):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    put(tmp_path, *(f"{number}.jpg" for number in range(8)))
    pictures = [{"bytes": (tmp_path / f"{n}.jpg").read_bytes(), "path": f"{n}.jpg"} for n in range(8)]
    told = {"info": {"features": {"label": {"names": ["apple", "pear"], "_type": "ClassLabel"}}}}
    for part, place in (("train", slice(0, 6)), ("test", slice(6, 8))):
        table = pyarrow.table({"image": pictures[place], "label": [0, 1] * ((place.stop - place.start) // 2)})
        (tmp_path / "hub" / "data").mkdir(parents=True, exist_ok=True)
        file = tmp_path / "hub" / "data" / f"{part}-00000-of-00001.parquet"
        parquet.write_table(table.replace_schema_metadata({"huggingface": json.dumps(told)}), file)
    found = sources.read(str(tmp_path / "hub"))
    said(16, found)
    assert counts(found) == {"apple": 4, "pear": 4}
    assert counts(found, "part") == {"train": 6, "test": 2}
    assert sources.opened(str(tmp_path / "hub")) == found.root, "taken out once"
    assert (found.root / found.used["photo"].iloc[0]).read_bytes() in [one["bytes"] for one in pictures]


def test_a_parquet_table_of_labels(tmp_path, project):
    put(tmp_path, *(f"{number}.jpg" for number in range(8)))
    pd.DataFrame({"image_id": range(8), "dx": [0, 1] * 4}).to_parquet(tmp_path / "labels.parquet")
    (tmp_path / "classes.txt").write_text("melanoma\nnaevus\n")
    found = sources.read(str(tmp_path / "labels.parquet"))
    assert counts(found) == {"melanoma": 4, "naevus": 4}
    assert "Names of the classes come from classes.txt." in found.notes


def test_tiny_pictures_can_be_used_on_purpose(tmp_path):
    for number in range(12):
        (tmp_path / "12"[number % 2]).mkdir(exist_ok=True)
        draw(number, number % 2).resize((28, 28)).save(tmp_path / "12"[number % 2] / f"{number}.png")
    with pytest.raises(
        DataError, match=r"too small \(28 x 28 pixels, minimum 32\). To use them, lower exploration.min_side"
    ):
        catalog.build_catalog(sets.read(tmp_path), 3)
    found = catalog.build_catalog(sets.read(tmp_path), 3, near="off", limits=Limits(28))
    assert (found.table["status"] == "used").sum() == 12


def test_one_archive(tmp_path, project):
    put(tmp_path / "x", *many("{}/{}.jpg", "apple", "pear"))
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in sorted((tmp_path / "x").rglob("*.jpg")):
            archive.write(file, file.relative_to(tmp_path / "x"))
        archive.writestr("../../outside.jpg", "x")
    found = sources.read(str(tmp_path / "set.zip"))
    said(17, found)
    assert counts(found) == {"apple": 2, "pear": 2}
    assert not list(tmp_path.rglob("outside.jpg")) or list(found.root.rglob("outside.jpg"))
    (tmp_path / "torn.zip").write_bytes((tmp_path / "set.zip").read_bytes()[:2000])
    with pytest.raises(DataError, match="torn.zip cannot be unpacked"):
        sources.read(str(tmp_path / "torn.zip"))


def test_digits_in_their_order_and_a_class_that_nobody_teaches(tmp_path):
    names = many("train/{}/{}.jpg", "1", "2", each=4) + many("test/{}/{}.jpg", "1", "2", "10")
    found = sets.read(put(tmp_path, *names))
    said(18, found)
    whole = catalog.build_catalog(found, 1, near="off")
    assert natural(["10", "2", "1"]) == ["1", "2", "10"] == whole.classes["class"].tolist()
    lost = whole.table[whole.table["label"] == "10"]
    assert lost["reason"].unique().tolist() == ["its class has photos in the given part test alone, none in train"]
    assert not whole.classes.set_index("class").loc["10", "kept"]
    words = show.classes.dropped(whole.classes).text
    assert words.startswith("Left out, none of them meant for teaching: 10 (2 photos). The model does not know them")


def test_a_test_part_without_labels(tmp_path):
    found = sets.read(put(tmp_path, *many("train/{}/{}.jpg", "a", "b", each=4), *many("{}/{}.jpg", "test", each=3)))
    said(19, found)
    lost = found.rows[found.rows["reason"] != ""]
    assert set(lost["reason"]) == {"lies in the folder of its part, not in that of a class: nothing says what it shows"}
    assert len(lost) == 3


def test_absolute_paths_and_a_sheet(tmp_path, project):
    put(tmp_path / "far", *(f"{number}.jpg" for number in range(8)))
    rows = [{"path": str(tmp_path / "far" / f"{n}.jpg"), "species": "ab"[n % 2]} for n in range(8)]
    (tmp_path / "t").mkdir()
    file = tmp_path / "t" / "labels.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    found = sets.read(file)
    said(20, found)
    assert found.root == tmp_path / "far"
    assert counts(found) == {"a": 4, "b": 4}
    before = sources.fingerprint(str(file))
    put(tmp_path / "far", "0.jpg", start=9)
    changed = sources.fingerprint(str(file))
    file.write_text("\n".join(map(json.dumps, rows[::-1])))
    assert len({before, changed, sources.fingerprint(str(file))}) == 3, (
        "photos that lie elsewhere, and the table, are watched"
    )
    pd.DataFrame({"Foto": [f"{n}.JPG" for n in range(8)], "Art": list("abababab")}).to_excel(
        tmp_path / "far" / "arten.xlsx", index=False
    )
    assert counts(sets.read(tmp_path / "far" / "arten.xlsx")) == {"a": 4, "b": 4}


def test_a_class_that_is_called_like_a_part(tmp_path):
    found = sets.read(put(tmp_path, *many("{}/{}.jpg", "train", "bus", "car")))
    said(21, found)
    assert counts(found) == {"train": 2, "bus": 2, "car": 2}


def test_a_third_folder_beside_parts(tmp_path):
    put(tmp_path, *many("{}/{}/{}.jpg", "train|a", "train|b", "test|a", "test|b", "extra|a"))
    words = asked(22, tmp_path)
    assert "set exploration.exclude: ['extra/']" in words
    assert counts(sets.read(tmp_path, Exploration(exclude=["extra/"]))) == {"a": 4, "b": 4}


def test_a_folder_of_what_shows_none_of_the_classes(tmp_path):
    put(tmp_path, *many("{}/{}.jpg", "apple", "pear", "BACKGROUND"))
    found = sets.read(tmp_path, Exploration(background="BACKGROUND"))
    assert counts(found) == {"apple": 2, "pear": 2, "none of these": 2}


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01\x02" * 50, b"only words and nothing else\nin lines", b"a,b\n1,2\n3,4\n"]
)
def test_what_is_no_table_of_photos(tmp_path, data):
    put(tmp_path, "1.jpg")
    (tmp_path / "labels.csv").write_bytes(data)
    with pytest.raises(DataError):
        sets.read(tmp_path / "labels.csv")
    Image.open(io.BytesIO((tmp_path / "1.jpg").read_bytes())).verify()


def test_a_set_of_hugging_face_is_fetched_once_and_refused_plainly_without_a_connection(tmp_path, project, monkeypatch):
    import huggingface_hub

    monkeypatch.setenv("BOATLIB_CACHE", str(tmp_path / "cache"))
    asked = []

    def nothing(name, repo_type):
        asked.append((name, repo_type))
        raise ConnectionError

    monkeypatch.setattr(huggingface_hub, "snapshot_download", nothing)
    with pytest.raises(DataError, match="could not be fetched from Hugging Face .somebody/fruit: ConnectionError"):
        sources.opened("hf:somebody/fruit")
    put(tmp_path / "there", *many("{}/{}.jpg", "apple", "pear"))
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda *_, **__: asked.append(1) or str(tmp_path / "there")
    )
    found = [counts(sources.read("hf:somebody/fruit")) for _ in range(2)]
    assert found == [{"apple": 2, "pear": 2}] * 2
    assert asked == [("somebody/fruit", "dataset"), 1]


def test_look_says_it_on_one_screen_and_writes_a_params_file(tmp_path, project, capsys):
    put(project / "my set", *(f"{'ab'[n % 2]}/p{n:02d}_{shot}.jpg" for n in range(20) for shot in range(3)))
    assert main(["look", "my set"]) == 0
    shown = capsys.readouterr().out
    assert "60 photos of 2 classes, 0 left out" in shown
    assert "#   group_by: '([^/]*?\\d+)[-_\\s][^/]*$'" in shown
    (project / "params").mkdir()
    words = ["--set", "exploration.min_photos_per_class=5", "--write", "params/mine.yaml"]
    assert main(["look", "my set", *words]) == 0
    assert "Next: ./run_all.sh params/mine.yaml" in capsys.readouterr().out
    params = load_params(project / "params" / "mine.yaml", root=project)
    assert (params.run, params.images, params.exploration.min_photos_per_class) == ("mine", "my set", 5)
    assert main(["look", "my set", *words]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["look", "my set", "--set", "exploration.lable_from=last"]) == 2
    assert "Did you mean 'exploration.label_from'" in capsys.readouterr().err
    (project / "nothing").mkdir()
    assert main(["look", "nothing"]) == 3
    assert "No files in the images folder" in capsys.readouterr().err
