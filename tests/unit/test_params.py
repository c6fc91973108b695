import ast
import json
import time
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, run_all

from boatlib.errors import ParameterError
from boatlib.params import (
    SHARED,
    Params,
    declared_parameters,
    described,
    inspected,
    load_params,
    reference,
    section_names,
    section_of,
)
from boatlib.report import render
from boatlib.run import NEW_PHOTOS, all_steps

NOTEBOOKS = [ROOT / "notebooks" / f"{step}.ipynb" for step in [*all_steps(ROOT), NEW_PHOTOS]]


def load(tmp_path, text, *overrides):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    return load_params(file, list(overrides), tmp_path)


def test_the_run_is_named_after_the_file(tmp_path):
    assert load(tmp_path, "images: sample").run == "mine"
    assert load(tmp_path, "").run == "mine"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sed: 3", "line 1: unknown key 'sed'. Did you mean 'seed'?"),
        ("training:\n  learning_rte: 1", "line 2: unknown key 'training.learning_rte'. Did you mean 'training.learning_rate'?"),
        ("epochs: 3", "Did you mean 'training.epochs'?"),
        ("training:\n  epochs: many", "line 2: training.epochs should be a whole number"),
        ("seed: yes", "line 1: seed should be a whole number"),
        ("exploration:\n  label_from: 2nd", "label_from should be a whole number, or 'auto', 'first' or 'last', not '2nd'"),
        ("split:\n  train: 0.7", "train + val + test must be 1, not 1.1"),
        ("seed: 1\nseed: 2", "line 2: a key stands twice"),
        ("training: 3", "training is a section"),
        ("training:\n\tepochs: 3", "not readable as YAML"),
        ("run: ../up", "should begin with a letter or digit"),
        ("training:\n  sure: 0.9", "unknown key 'training.sure'. It is called 'review.target_error' now."),
        ("training:\n  stop_on: loss", "It is called 'training.monitor' now."),
        ("training:\n  accumulate: 2", "It is called 'training.gradient_accumulation' now."),
        ("training:\n  crop: 0.2", "It is called 'training.min_scale' now."),
        ("training:\n  turn: 5", "It is called 'training.rotation' now."),
        ("training:\n  light: 0.1", "It is called 'training.jitter' now."),
        ("training:\n  mirror: false", "It is called 'training.flip' now."),
        ("training:\n  monitor: loss\n  epochs: 5", "max_epochs_stop (10) is larger than epochs (5)"),
        ("- a\n- b", "should hold `key: value` lines"),
        ("[]:", "not readable as `key: value` lines"),
        ("seed: &one 1\nrun: *one", "holds an alias"),
        ("x: " + "[" * 700, "not readable as"),
        ("#" * 1_000_001, "is larger than 1000 KB"),
    ],
)  # fmt: skip
def test_18_and_20_wrong_files_say_what_and_where(tmp_path, text, words):
    with pytest.raises(ParameterError) as error:
        load(tmp_path, text)
    assert words in str(error.value)


def test_all_errors_come_at_once(tmp_path):
    with pytest.raises(ParameterError) as error:
        load(tmp_path, "sed: 1\ntta:\n  views: none\n", "foo", "training.epoch=3")
    assert "4 errors" in str(error.value)


@pytest.mark.parametrize(
    ("override", "section", "field", "value"),
    [
        ("training.learning_rate=1e-3", "training", "learning_rate", 0.001),
        ("training.weights=007", "training", "weights", "007"),
        ("evaluation.top_k=[1, 2]", "evaluation", "top_k", [1, 2]),
    ],
)
def test_overrides_are_typed_by_the_schema(tmp_path, override, section, field, value):
    assert getattr(getattr(load(tmp_path, "", override), section), field) == value


def test_20_yaml_numbers_mean_what_people_read(tmp_path):
    params = load(tmp_path, "training:\n  learning_rate: 1e-3\n  batch_size: 010\n")
    assert (params.training.learning_rate, params.training.batch_size) == (0.001, 10)


def test_sections_and_notebooks_belong_together():
    assert list(map(section_of, NOTEBOOKS)) == section_names()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_declare_what_the_schema_knows_with_the_same_defaults(notebook):
    params = Params(run="sample")
    declared = declared_parameters(notebook)
    assert params.for_notebook(notebook) == declared
    assert set(getattr(params, section_of(notebook)).model_dump()) <= set(declared)
    assert "run" in declared
    assert set(SHARED) >= {"run", "images", "seed"}


def test_wrong_parameters_end_at_once_with_code_2(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text("tta:\n  view: 3\n")
    started = time.perf_counter()
    result = run_all(str(file))
    assert result.returncode == 2
    assert "Did you mean 'tta.views'?" in result.stderr
    assert "Traceback" not in result.stderr
    assert (
        time.perf_counter() - started < 20
    )  # far below any notebook; the README's two seconds are for a quiet machine


@pytest.mark.parametrize("file", sorted((ROOT / "params").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_params_files_are_right(file):
    assert load_params(file).run == file.stem


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_hold_prose_and_calls_only(notebook):
    cells = json.loads(Path(notebook).read_text())["cells"]
    assert cells[0]["cell_type"] == "markdown"
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        assert not cell["outputs"]
        assert cell["execution_count"] is None
        assert "!" not in {line.lstrip()[:1] for line in source.splitlines()}
        if "try-it" in cell["metadata"].get("tags", []):
            continue
        nodes = {type(node) for node in ast.walk(ast.parse(source))}
        assert not nodes & {ast.FunctionDef, ast.ClassDef, ast.Try, ast.For}
        if not set(cell["metadata"].get("tags", [])) & {"imports", "parameters"}:
            assert len([line for line in source.splitlines() if line.strip()]) <= 15


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_parameter_has_a_row_on_its_page(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    source = next("".join(c["source"]) for c in cells if "parameters" in c["metadata"].get("tags", []))
    written = [node.target.id for node in ast.parse(source).body]
    declared = inspected(notebook)
    assert list(declared) == written, "papermill does not understand one of the declarations"
    shown = BeautifulSoup(render._parameters(declared, dict.fromkeys(declared, 1)), "html.parser").select("tbody tr")
    assert len(shown) == len(written)
    assert all(row.find_all("td")[-1].get_text() for row in shown)
    assert "# fmt: off\n" + render._with_values(declared, declared_parameters(notebook)) == source.replace('"', "'")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_parameter_is_worded_once_in_the_schema_and_so_in_its_notebooks(notebook):
    words, own = described(), notebook.stem.split("_", 1)[1]
    for name, found in inspected(notebook).items():
        homes = [f"{own}.{name}"] if f"{own}.{name}" in words else [n for n in words if n.rsplit(".", 1)[-1] == name]
        assert found["help"] in {words[home] for home in homes}, f"{name}: write it as boatlib/params.py has it"


def test_the_readme_has_the_table_that_the_schema_makes():
    text = (ROOT / "README.md").read_text()
    assert reference() in text, "put in the output of: python -m boatlib parameters"
    assert all(meaning and not meaning.endswith(".") for meaning in described().values())
