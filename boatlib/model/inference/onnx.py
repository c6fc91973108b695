"""The model for other places: one ONNX file that any runtime reads, with its parity measured and written beside it."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from boatlib.errors import BoatlibError, UnreadablePhotoError
from boatlib.files import replacing, write_text
from boatlib.model.inference.bundle import Bundle
from boatlib.model.inference.familiarity import Familiarity
from boatlib.model.inputs import loading, views

OPSET = 18
MODEL, PARITY, EXAMPLE = "model.onnx", "parity.json", "predict_onnx.py"
PHOTOS = 256  # photos at the most, by which the parity is measured
BATCH = 16
OUTPUTS = ["probabilities", "unfamiliarity"]


def export_onnx(bundle: Bundle, folder: Path, photos: Sequence[Path], where_from: str) -> dict[str, Any]:
    """Write model.onnx, predict_onnx.py and parity.json into `folder`; returns the parity.

    Inputs: `picture`, or `picture0`, `picture1`, ... for several bodies, uint8 [n, size, size, 3]; outputs: `probabilities`,
    float32 [n, classes], and `unfamiliarity`, float32 [n]. The metadata name classes, preprocessing, policy, and whether the
    model knows what is familiar. Parity: on how many photos (`where_from` says which) onnxruntime and torch were compared, the
    largest difference of a probability and of an unfamiliarity, and how often both name the same class.
    Raises BoatlibError without the packages of the extra `onnx`, or when the two do not agree.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        how = "python -m pip install -c constraints.txt -e '.[onnx]'"
        raise BoatlibError(f"The export needs the package {error.name}. Install it: {how}") from error
    import torch

    from boatlib.model.networks.modules import Deployed

    strange = bundle.familiarity or Familiarity.of_nothing(bundle.features, len(bundle.classes))
    module = Deployed([body.build() for body in bundle.bodies], bundle.build_head(), strange.module()).eval()
    with replacing(folder / MODEL) as new:
        inputs = _pictures(bundle, photos)
        _write(module, bundle, new)
        session = onnxruntime.InferenceSession(new)
        theirs, ours = [], []
        for start in range(0, len(inputs[0]), BATCH):
            rows = [one[start : start + BATCH] for one in inputs]
            theirs.append(np.column_stack(session.run(OUTPUTS, dict(zip(_input_names(bundle), rows, strict=True)))))
            with torch.inference_mode():
                ours.append(np.column_stack(module(*map(torch.from_numpy, rows))))
        parity = _compare(np.concatenate(theirs), np.concatenate(ours), where_from)
    write_text(folder / EXAMPLE, Path(__file__).with_name("onnx_example.py").read_text(encoding="utf-8"))
    write_text(folder / PARITY, json.dumps(parity, indent=2) + "\n")
    return parity


def _input_names(bundle: Bundle) -> list[str]:
    count = len(bundle.bodies)
    return ["picture"] if count == 1 else [f"picture{number}" for number in range(count)]


def _forget_origins(model: Any) -> None:  # noqa: ANN401 (an onnx.ModelProto; onnx is an extra)
    """Take out what torch tells of each node: the lines of code behind it, with the folders of this computer."""
    parts = [model.graph, *model.functions]
    for part in parts:
        for thing in (
            part,
            *part.node,
            *part.value_info,
            *getattr(part, "input", ()),
            *getattr(part, "initializer", ()),
        ):
            if hasattr(thing, "metadata_props"):
                del thing.metadata_props[:]
            if hasattr(thing, "doc_string"):
                thing.doc_string = ""


def _write(module: Any, bundle: Bundle, file: Path) -> None:  # noqa: ANN401
    import onnx
    import torch

    names = _input_names(bundle)
    shapes = [body.preprocessing.shape for body in bundle.bodies]
    examples = tuple(torch.zeros(2, *shape, 3, dtype=torch.uint8) for shape in shapes)
    rows = torch.export.Dim("photos", min=1)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module, examples, dynamo=True, opset_version=OPSET, input_names=names, output_names=OUTPUTS,
            dynamic_shapes=(tuple({0: rows} for _ in names),), verbose=False,
        )  # fmt: skip
    assert program is not None
    program.save(file, external_data=False)
    model = onnx.load(file)
    _forget_origins(model)
    told = {
        "classes": json.dumps(bundle.classes, ensure_ascii=False),
        "preprocessing": json.dumps(
            [{"input": name, **asdict(body.preprocessing)} for name, body in zip(names, bundle.bodies, strict=True)]
        ),
        "preprocessing_in_words": (
            "Turn the photo upright (EXIF), make it RGB; colours with a profile become sRGB. In a picture of more than 8 bits "
            "the range that the file states is black to white, otherwise value_range, otherwise its own (predict_onnx.py). Where "
            "same_file is given, shrink it to so many pixels at most, take its colour out if the second value is true, and save "
            "it as JPEG with that quality and 4:2:0. Where width is 0, cut the square from its middle whose side is the "
            "photo's shorter side times size / round(size / crop_fraction), and scale it to size x size pixels with "
            "`interpolation` in one step; otherwise scale the whole photo to a height of size and a width of width. "
            "Give it as uint8, rows x columns x RGB; mean and std are applied inside the model."
        ),
        "policy": json.dumps(asdict(bundle.policy), ensure_ascii=False),
        "familiarity": json.dumps(bundle.familiarity is not None),
        "weights_sha256": bundle.weights_sha256,
    }
    for key, value in told.items():
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    onnx.save(model, file)


def _pictures(bundle: Bundle, photos: Sequence[Path]) -> list[np.ndarray]:
    """The plain views of the photos that can be read, an array for each body."""
    rows = []
    for photo in photos[:: -(-len(photos) // PHOTOS)] if photos else []:
        with contextlib.suppress(UnreadablePhotoError, OSError):
            data = photo.read_bytes()
            rows.append([loading.decode(data, "", [views.PLAIN], body.preprocessing)[0] for body in bundle.bodies])
    if not rows:
        raise BoatlibError("There are no photos to compare the exported model by. Name some: --photos FOLDER.")
    return [np.stack(own) for own in zip(*rows, strict=True)]


def _compare(theirs: np.ndarray, ours: np.ndarray, where_from: str) -> dict[str, Any]:
    differences = np.abs(theirs - ours)
    difference, strange = float(differences[:, :-1].max()), float(differences[:, -1].max())
    same = int((theirs[:, :-1].argmax(1) == ours[:, :-1].argmax(1)).sum())
    if max(difference, strange) > 1e-3:
        raise BoatlibError(f"The exported model gives other answers than the saved one (difference {difference:.2g}).")
    return {
        "photos": len(ours),
        "photos_from": where_from,
        "largest_difference_of_a_probability": difference,
        "largest_difference_of_unfamiliarity": strange,
        "same_class": same,
        "versions": {name: version(name) for name in ("torch", "onnx", "onnxscript", "onnxruntime")},
        "opset": OPSET,
    }
