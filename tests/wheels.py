"""Small packages, for an index of one's own. Also part of the build of the small project that tests set up."""

import zipfile
from pathlib import Path


def wheel(folder, name, version, files, requires=()):
    """Write a wheel; returns its file's name. files: text by place; requires: names of other packages."""
    info = f"{name}-{version}.dist-info"
    own = "".join(f"Requires-Dist: {other}\n" for other in requires)
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{own}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{place},,\n" for place in [*files, f"{info}/RECORD"])
    file = Path(folder) / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for place, text in (files | {f"{info}/RECORD": record}).items():
            archive.writestr(place, text)
    return file.name
