"""What MLflow runs of a logged model: this file itself is stored with it, beside the code and the model's folder.

Executed, never imported; how a model answers is `answers`'s business.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext


class TextClassifier(PythonModel):  # type: ignore[misc]  # mlflow is untyped
    """Takes a column `text`; returns label, probability, note, and a column `probability.CLASS` for each class.

    A text without an answer (empty, without a known word…) has no label and no numbers; `note` says why.
    """

    def load_context(self, context: PythonModelContext) -> None:
        from hpo.model.answers import TextModel

        self._model = TextModel(Path(context.artifacts["model"]))

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # MLflow reads types as a schema
        from hpo.model.answers import as_columns

        texts = ["" if text is None else str(text) for text in model_input["text"]]
        table = pd.DataFrame(as_columns(self._model.answer(texts), self._model.classes), dtype=object)
        numbers = [name for name in table if str(name).startswith("probability") and table[name].notna().all()]
        return table.astype(dict.fromkeys(numbers, float))  # None stays None where there is one: NaN is no JSON


set_model(TextClassifier())
