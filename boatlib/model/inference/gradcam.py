"""Where a model looked: Grad-CAM, computed by captum.

R. R. Selvaraju et al., Grad-CAM: visual explanations from deep networks via gradient-based localization, ICCV 2017.
"""

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from boatlib.errors import BoatlibError
from boatlib.model.inference.bundle import Bundle, load_bundle
from boatlib.model.inputs import loading, views

# torch and captum are imported where they are used: most who look at mistakes never ask where the model looked


def where_it_looked(folder: Path, photo: bytes, label: str) -> tuple[np.ndarray, np.ndarray]:
    """What spoke for a class: the plain view of a photo, uint8 [height, width, 3], and a map of the same size, float32 from 0
    to 1 (the place that spoke most for it). folder: of a model; photo: the bytes of a file.

    The contributions of all networks of the model are added. Raises BoatlibError for a network that has no maps of places, and
    UnreadablePhotoError.
    """
    import torch
    from captum.attr import LayerGradCam

    bundle, bodies, head = _modules(folder, (folder / "model.json").stat().st_mtime)
    shown = [loading.decode(photo, "", [views.PLAIN], body.preprocessing)[0] for body in bodies]
    inputs = tuple(torch.from_numpy(view.copy())[None] for view in shown)

    def scores(*rows: torch.Tensor) -> torch.Tensor:
        return head(torch.cat([body(picture) for body, picture in zip(bodies, rows, strict=True)], dim=1))

    total = np.zeros(shown[0].shape[:2], np.float32)
    for body, view in zip(bodies, inputs, strict=True):
        layer = _last_map(body, view)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # captum would like a gradient of the bytes too
            found = LayerGradCam(scores, layer).attribute(
                inputs, target=bundle.classes.index(label), relu_attributions=True
            )
        places = found.detach() * found.shape[2] * found.shape[3]  # Grad-CAM takes means of gradients: sums compare
        grown = torch.nn.functional.interpolate(places, size=total.shape, mode="bilinear", align_corners=False)
        total += grown[0, 0].numpy()
    return shown[0], total / max(float(total.max()), 1e-12)


@lru_cache(maxsize=1)
def _modules(folder: Path, changed: float) -> tuple[Bundle, Any, Any]:  # asked for again when `changed` differs
    """The bundle, its bodies, and its head without the last step, which turns scores into log-probabilities."""
    from torch import nn

    bundle = load_bundle(folder)
    steps = list(bundle.build_head().children())
    return bundle, [body.build() for body in bundle.bodies], nn.Sequential(*steps[:-1])


def _last_map(body: Any, picture: Any) -> Any:  # noqa: ANN401 (modules and tensors: torch is not imported yet)
    """The part of a body that computes its last map of places."""
    import torch

    seen = []

    def remember(part: torch.nn.Module, _: object, output: object) -> None:
        if isinstance(output, torch.Tensor) and output.ndim == 4 and min(output.shape[2:]) > 1:
            seen.append(part)

    hooks = [part.register_forward_hook(remember) for part in body.network.modules() if part is not body.network]
    with torch.no_grad():
        body(picture)
    for hook in hooks:
        hook.remove()
    if not seen or len(seen) < len(hooks) / 4:
        raise BoatlibError("This network has no maps of places, so where it looked cannot be shown.")
    return seen[-1]
