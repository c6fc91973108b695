"""The image gate and the params loader, fed with what nobody would write: no crash, no hang, memory bounded. Not part of CI.

    python -m pip install hypothesis atheris
    python tests/faults/fuzz.py images hypothesis --minutes 10
    python tests/faults/fuzz.py params atheris --minutes 10

hypothesis changes good examples; atheris is guided by which lines of code an input reaches. Whatever is not one of the documented
errors ends the run, with the input. What was found became tests in tests/faults/.
"""

import argparse
import io
import resource
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

MEMORY = 3 * 2**30  # bytes of address space
SLOW = 5.0  # seconds of computing for one input
seen = {"inputs": 0, "accepted": 0, "slowest": 0.0}


def main() -> None:
    """Print how many inputs there were, how many were accepted, and the slowest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=["images", "params"])
    parser.add_argument("engine", choices=["hypothesis", "atheris"])
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    once = {"images": one_image, "params": one_params_file}[options.target]
    if options.engine == "hypothesis":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        with_hypothesis(once, options.target, options.minutes)
        summary()
    else:
        with_atheris(once, options.target, options.minutes)


def summary() -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{seen['inputs']:,} inputs, {seen['accepted']:,} accepted, slowest {seen['slowest']:.2f} s, peak {peak:.0f} MB"
    )


def timed(function):
    """Count, and end the run where one input takes too long."""

    def wrapped(data: bytes) -> None:
        started = time.process_time()
        seen["inputs"] += 1
        seen["accepted"] += bool(function(data))
        took = time.process_time() - started
        seen["slowest"] = max(seen["slowest"], took)
        assert took < SLOW, f"{took:.1f} s for {data[:200]!r}"

    return wrapped


@timed
def one_image(data: bytes) -> bool:
    from boatlib.errors import UnreadablePhotoError
    from boatlib.photos.images import open_photo, thumbnail

    try:
        assert open_photo(data).image.mode == "RGB"
        thumbnail(data)
        return True
    except UnreadablePhotoError:
        return False


@timed
def one_params_file(data: bytes) -> bool:
    from boatlib.errors import ParameterError
    from boatlib.params import load_params

    file = Path(tempfile.gettempdir(), "fuzz.yaml")
    file.write_bytes(data)
    try:
        load_params(file)
        return True
    except ParameterError:
        return False


def examples(target: str) -> list[bytes]:
    if target == "params":
        files = sorted((Path(__file__).parents[2] / "params").glob("*.yaml"))
        return [file.read_bytes() for file in files] + [
            b"images: x\ntraining: {epochs: 3, backbone: [a, b]}\nseed: 1e3\n"
        ]
    found = []
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        for mode in ("RGB", "L", "P", "RGBA", "CMYK", "I;16"):
            buffer = io.BytesIO()
            try:
                Image.new(mode, (48, 40)).save(buffer, kind)
            except (OSError, KeyError, ValueError):
                continue
            found.append(buffer.getvalue())
    return found


def with_hypothesis(once, target: str, minutes: float) -> None:
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as some

    good = some.sampled_from(examples(target))
    spots = some.lists(some.tuples(some.integers(0, 5000), some.integers(0, 255)), max_size=12)
    words = ["images", "training", "tta", "seed", "run", "epochs", "weights", "null", "1e3", "yes", "[]", "{}"]
    words += ["&a", "*a", "!!x", "\t"]
    lines = some.lists(
        some.tuples(some.sampled_from(["", "  "]), some.sampled_from(words), some.text(max_size=20)), max_size=8
    )

    def changed(data: bytes, places: list, cut: int) -> bytes:
        changed_bytes = bytearray(data)
        for place, value in places:
            changed_bytes[place % len(data)] = value
        return bytes(changed_bytes[: len(data) - cut % len(data)] if cut % 3 == 0 else changed_bytes)

    inputs = some.builds(changed, good, spots, some.integers(0, 10_000)) | some.binary(max_size=400)
    if target == "params":
        inputs |= lines.map(lambda rows: "\n".join(f"{a}{b}: {c}" for a, b, c in rows).encode("utf-8", "surrogatepass"))
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end:
        settings(max_examples=500, database=None, deadline=None, suppress_health_check=list(HealthCheck))(
            given(inputs)(once)
        )()


def with_atheris(once, target: str, minutes: float) -> None:
    import atexit

    import atheris

    with atheris.instrument_imports(include=["boatlib", "PIL", "ruamel"]):
        import boatlib.params
        import boatlib.photos.images  # noqa: F401
    corpus = Path(tempfile.mkdtemp())
    for number, data in enumerate(examples(target)):
        (corpus / str(number)).write_bytes(data)
    atexit.register(summary)
    limits = [f"-max_total_time={minutes * 60:.0f}", "-rss_limit_mb=2500", "-timeout=60", "-max_len=20000"]
    atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
