"""What a study ends with: a model that can be kept, moved, shown and asked.

It is kept by `study.keep_model`, and registered with MLflow by `tracking`.
"""

__all__ = ["answers", "code", "documents", "ensemble", "figures", "folder", "formats", "texts_file"]
