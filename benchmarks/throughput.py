"""Other ways to show photos to the default networks, as ratios to today's: streams, batches, both in one model, other decoders.

    python benchmarks/throughput.py ../shared/boats/images

Decoders that are not installed are left out, with a line (`pip install simplejpeg` in an environment of its own).
"""

import argparse
import importlib.util
import io
import statistics
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from PIL import Image

from boatlib import runtime
from boatlib.model.inputs import loading, views
from boatlib.model.networks import auto, backbones, engines
from boatlib.model.networks.backbones import Backbone
from boatlib.params import Training
from boatlib.photos import shapes
from boatlib.photos.layout import sets

PHOTOS, REPEATS = 128, 5


def rate(work: Callable[[], object], count: int, repeats: int) -> float:
    """Photos a second, the median."""
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        found.append(count / (time.perf_counter() - started))
    return statistics.median(found)


def model_of(network: Backbone) -> openvino.Model:
    """The network as it lies in the cache."""
    network.engine()  # converted once for each machine
    return openvino.Core().read_model(engines._file(network.part, network.on))


def looped(model: openvino.Model, told: dict[str, Any], size: int, shown: list[np.ndarray]) -> Callable[[], None]:
    """A loop over pictures that are there already, `size` at a time."""
    model.reshape([size, *shown[0].shape])
    queue = openvino.AsyncInferQueue(openvino.compile_model(model, "CPU", told), runtime.cores())
    batches = [np.stack(list(islice(cycle(shown), start, start + size))) for start in range(0, len(shown), size)]

    def loop() -> None:
        for batch in batches:
            queue.start_async({0: batch})
        queue.wait_all()

    loop()
    return loop


def together(networks: list[Backbone]) -> openvino.Model:
    """Several networks as one model, which takes a picture once."""
    models = [model_of(network) for network in networks]
    shared = models[0].inputs[0].get_node()
    for other in models[1:]:
        for target in other.inputs[0].get_target_inputs():
            target.replace_source_output(shared.output(0))
    results = [result for model in models for result in model.get_results()]
    return openvino.Model(results, [shared], "together")


def decoders(files: list[bytes], on: Backbone) -> dict[str, Callable[[], object]]:
    """From the bytes of a JPEG file to pixels, by one core; of libraries that refuse some files, on the others."""
    import torch
    from torchvision.io import decode_jpeg

    libraries: dict[str, Callable[[bytes], object]] = {
        "Pillow": lambda data: Image.open(io.BytesIO(data)).convert("RGB").load(),
        "today: at reduced size where larger, checks, view": lambda data: loading.decode(
            data, "0", [views.PLAIN], on.preprocessing
        ),
        "torchvision.io": lambda data: decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8)),
    }
    if importlib.util.find_spec("simplejpeg"):
        import simplejpeg

        libraries["simplejpeg"] = simplejpeg.decode_jpeg
    else:
        print("simplejpeg is not installed")
    ways: dict[str, Callable[[], object]] = {}
    for name, decode in libraries.items():
        usual = [data for data in files if _takes(decode, data)]
        refused = f" (refuses {len(files) - len(usual)} of {len(files)} files)" if len(usual) < len(files) else ""
        ways[name + refused] = lambda decode=decode, usual=usual: [
            decode(data) for data in islice(cycle(usual), len(files))
        ]
    return ways


def _takes(decode: Callable[[bytes], object], data: bytes) -> bool:
    try:
        decode(data)
    except (ValueError, RuntimeError):
        return False
    return True


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args()
    listing = sets.read(options.images)
    names = [photo for photo in listing.used["photo"] if photo.lower().endswith(".jpg")][:PHOTOS]
    training = auto.decided(Training(recipe="head"), shapes.of_files(listing.root, names))
    how = (
        training.backbone,
        training.weights,
        0,
        training.resolution,
        training.pooling,
        None,
        runtime.machine("auto", "auto"),
    )
    networks = backbones.find_backbones(*how)
    files = [(listing.root / name).read_bytes() for name in names]
    prepare = networks[0].preprocessing
    shown = [loading.decode(data, "0", [views.PLAIN], prepare)[0] for data in files]
    now, size, cores = engines.settings(networks[0].on), engines.batch_size(shown[0].shape), runtime.cores()
    print(
        f"{len(shown)} photos as {shown[0].shape[0]}x{shown[0].shape[1]}, {engines.precision(networks[0].on)}, {cores} cores\n"
    )
    print("| networks | streams | at a time | photos a second | of today's |\n|---|---|---|---|---|")
    for network in networks:
        today = 0.0
        for streams, batch in [
            (now["NUM_STREAMS"], size),
            (1, size),
            (cores, size),
            (1, 2),
            (1, 4),
            (1, 16),
            (cores, 1),
            (cores, 2),
            (cores, 4),
        ]:
            loop = looped(model_of(network), now | {"NUM_STREAMS": streams}, batch, shown)
            found = rate(loop, len(shown), options.repeats)
            today = today or found
            print(f"| {network.name} | {streams} | {batch} | {found:.1f} | {found / today:.2f} |", flush=True)
        hint = {key: value for key, value in now.items() if key == "INFERENCE_PRECISION_HINT"} | {
            "PERFORMANCE_HINT": "THROUGHPUT"
        }
        found = rate(looped(model_of(network), hint, size, shown), len(shown), options.repeats)
        print(f"| {network.name} | hint: throughput | {size} | {found:.1f} | {found / today:.2f} |", flush=True)
    loops = [looped(model_of(network), now, size, shown) for network in networks]
    both = rate(lambda: [loop() for loop in loops], len(shown), options.repeats)
    one = rate(looped(together(networks), now, size, shown), len(shown), options.repeats)
    print(f"| one after the other | {now['NUM_STREAMS']} | {size} | {both:.1f} | 1 |")
    print(f"| both in one model | {now['NUM_STREAMS']} | {size} | {one:.1f} | {one / both:.2f} |\n")
    print("| a core decodes | photos a second |\n|---|---|")
    for words, work in decoders(files, networks[0]).items():
        print(f"| {words} | {rate(work, len(files), options.repeats):.0f} |", flush=True)


if __name__ == "__main__":
    main()
