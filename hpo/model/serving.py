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

    Rows keep their index. A text without an answer (missing, empty, without a known word…) has no label and no
    numbers; `note` says why.
    """

    def load_context(self, context: PythonModelContext) -> None:
        from hpo.model.answers import TextModel

        self._model = TextModel(Path(context.artifacts["model"]))

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # MLflow reads types as a schema
        from hpo.model.answers import as_columns

        column = model_input["text"]
        texts = ["" if is_missing else str(text) for text, is_missing in zip(column, column.isna(), strict=True)]
        answers = as_columns(self._model.answer(texts), self._model.classes)
        table = pd.DataFrame(answers, index=column.index, dtype=object)
        numbers = [name for name in table if str(name).startswith("probability") and table[name].notna().all()]
        return table.astype(dict.fromkeys(numbers, float))  # None stays None where there is one: NaN is no JSON


set_model(TextClassifier())
