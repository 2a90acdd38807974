"""What the MLflow run of an encoder shows, derived from its record.

It is a run of its own in the experiment of the study that wants it, with the perplexity of each epoch.
"""

from __future__ import annotations

import math

from hpo.mlflow_content import STATUS, MetricPoint, RunContent, legal_key, legal_params, legal_tags
from hpo.record import EncoderRecord


def encoder_content(encoder: EncoderRecord) -> RunContent:
    """Returns what the run of an encoder shows."""
    tags = {**encoder.tags, "hpo.study_uid": encoder.uid, "hpo.role": "encoder", "hpo.state": encoder.state}
    return RunContent(
        uid=encoder.uid,
        name=encoder.name,
        status=STATUS[encoder.state],
        start_ms=encoder.started_ms,
        end_ms=encoder.ended_ms,
        tags=legal_tags(tags),
        params=legal_params(encoder.params),
        metrics=tuple(
            MetricPoint(legal_key(name), float(value), epoch.ended_ms, epoch.epoch)
            for epoch in encoder.epochs
            for name, value in sorted(epoch.metrics.items())
            if math.isfinite(value)
        ),
        texts={"error.txt": encoder.error} if encoder.error else {},
        is_whole=encoder.ended_ms is not None,
    )
