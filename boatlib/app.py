"""A page to try a model: drop photos, see what it says of them. Started by `python -m boatlib app MODEL_DIR`.

Streamlit, as the article suggests: the page is these few lines, and upload, layout and updates are a well-kept library's.
Everything stays on this computer: the server listens to it alone, and answers whoever has its token; photos are kept in
memory only, no usage figures are sent.
"""

import os
import sys
from pathlib import Path

import pandas as pd
import streamlit as st

from boatlib.errors import BoatlibError
from boatlib.model.inference.bundle import DESCRIPTION
from boatlib.model.inference.predictor import Predictor
from boatlib.photos.images import thumbnail
from boatlib.shares import confidence

TOKEN = "BOATLIB_APP_TOKEN"  # set by the command that starts the page
SHOWN = 3  # classes with a bar
PHOTOS = 24  # photos shown at a time


@st.cache_resource(show_spinner="Loading the model ...")
def load(folder: str, changed: float) -> Predictor:  # asked for again when `changed` differs
    """The model, once for all visitors and until its folder changes."""
    return Predictor.load(folder)


def show_answer(data: bytes, answer: pd.Series, classes: list[str]) -> None:
    """A photo beside the most probable classes, or the reason why it cannot be read."""
    if answer["error"]:
        st.error(f"{escaped(answer['photo'])}: {escaped(answer['error'])}")
        return
    left, right = st.columns([1, 2], gap="medium")
    left.image(thumbnail(data, 480))
    left.caption(escaped(answer["photo"]))
    right.subheader(escaped(answer["predicted"]), anchor=False)
    if answer["needs_review"]:
        right.warning(f"A person should look at this photo: {escaped(answer['reason'])}.")
    else:
        right.success("Sure enough to be taken as it is.")
    for name, share in answer[[f"p_{name}" for name in classes]].sort_values(ascending=False).head(SHOWN).items():
        right.progress(float(share), text=f"{escaped(str(name).removeprefix('p_'))}: {confidence(share)}")


def escaped(text: str) -> str:
    """A name as it is: Streamlit reads markdown."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-.!|~:$" else c for c in text)


def main(folder: str) -> None:
    """The page."""
    st.set_page_config(page_title="Try the model", layout="centered")
    st.title("What is on this photo?", anchor=False)
    if (token := os.environ.get(TOKEN)) and st.query_params.get("token") != token:
        st.error("Open the address that the command has printed: it holds the key to this page.")
        return
    try:
        predictor = load(folder, Path(folder, DESCRIPTION).stat().st_mtime)
    except (BoatlibError, OSError) as error:
        st.error(f"The model cannot be used: {error}")
        return
    names = ", ".join(map(escaped, predictor.classes))
    st.write(
        f"The model knows {len(predictor.classes)} classes: {names}. It names one of them for every photo, and says where "
        "it sees nothing like them."
    )
    files = st.file_uploader("Drop photos here", accept_multiple_files=True)
    photos = [(file.name, file.getvalue()) for file in files[:PHOTOS]]
    if len(files) > PHOTOS:
        st.info(f"The first {PHOTOS} of {len(files)} photos are shown. For whole folders: python -m boatlib predict")
    if not photos:
        return
    for table in predictor.predict_stream(photos):
        for (_, data), answer in zip(photos, table.to_dict("records"), strict=True):
            with st.container(border=True):
                show_answer(data, pd.Series(answer), predictor.classes)


if __name__ == "__main__":
    main(sys.argv[1])
