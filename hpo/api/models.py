"""Kept models in Python: loaded from a study or a folder, asked about texts.

The network behind it is the business of `model.answers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.api.composing import Refused, refusing

if TYPE_CHECKING:
    import pandas as pd

    from hpo.api.study import Study


class Model:
    """The classifier that a study kept.

    Attributes:
        folder: Where it is.
        classes: What texts can be, in the order of their probabilities.
    """

    def __init__(self, folder: Path, *, device: str) -> None:
        from hpo.model.answers import TextModel

        self.folder = folder
        self._model = TextModel(folder, device=device)
        self.classes = list(self._model.classes)

    def predict(self, texts: Sequence[str]) -> pd.DataFrame:
        """Returns a row a text: label, probability, note, and the probability of each class.

        The label of a text without an answer is None, and its note says why.

        Raises:
            Refused: if `texts` is no list of texts.
        """
        import pandas as pd

        texts = list(texts) if not isinstance(texts, str) else [texts]
        for text in texts:
            if not isinstance(text, str):
                raise Refused(f"{text!r} is no text; give a list of texts.")
        return pd.DataFrame([answer.cells(self.classes) for answer in self._model.answer(texts)])

    def __repr__(self) -> str:
        return f"<hpo.Model {self.folder}: {len(self.classes)} classes>"


def load_model(source: str | Path | Study, *, device: str = "cpu") -> Model:
    """Returns the model of a study, or the one in a folder.

    Args:
        source: A study, its name, or the folder of a model.
        device: "cpu", "cuda" or "auto".

    Raises:
        Refused: if there is none, or it is damaged.
    """
    from hpo.api.study import Study
    from hpo.artifacts.folders import function_refusal

    with refusing():
        folder = source.folder / "model" if isinstance(source, Study) else Path(source)
        of_study = Path("studies") / folder / "model"
        if not folder.is_dir() and of_study.is_dir():
            folder = of_study
        for place in (folder, folder.parent, Path("studies") / folder):
            if sentence := function_refusal(place):
                raise Refused(sentence)
        if not folder.is_dir():
            raise Refused(f"There is no model in {folder}; a study keeps one of the network when it ends.")
        return Model(folder, device=device)
