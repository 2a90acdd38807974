"""The evaluation of a model as one HTML page that needs no network; all text from outside is escaped.

What it says comes from `evaluation.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.machine.escaping import for_html

SIZE = 260  # pixels of the calibration curve's side

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
:root { color-scheme: light; background: #fff; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { border: 1px solid #ddd; padding: .25em .6em; text-align: right; vertical-align: top; }
th, td.text { text-align: left; }
td.text { overflow-wrap: anywhere; max-width: 46em; }
td.text div { max-height: 8em; overflow-y: auto; } /* a long text is scrolled where it stands, its sixth line is cut */
@media print { td.text div { max-height: none; } }
.said { writing-mode: vertical-rl; }
</style></head><body>
<h1>{{ title }}</h1>
<p>Tested once on {{ n_test }} texts
{%- if e.has_read_test %}. The encoder was trained on them, too, without their labels (encoder.use_all_texts=true); no
other training and no choice has seen them.{% else %} that no training and no choice has seen.{% endif %}
{%- if e.is_ensemble %} Probabilities are means over two classifiers, one of which reads texts backwards.{% endif %}</p>
<table><tr><th></th><th>test</th>{% if e.baseline %}<th>bag of words</th>{% endif %}</tr>
{% for name, value, baseline in scores %}<tr><th>{{ name }}</th><td>{{ value }}</td>
{%- if e.baseline %}<td>{{ baseline }}</td>{% endif %}</tr>
{% endfor %}</table>
<h2>Classes</h2>
<table><tr><th>class</th><th>texts</th><th>precision</th><th>recall</th><th>F1</th></tr>
{% for row in e.per_class %}<tr><th>{{ row.class | text }}</th><td>{{ row.n }}</td><td>{{ row.precision | number }}</td>
<td>{{ row.recall | number }}</td><td>{{ row.f1 | number }}</td></tr>
{% endfor %}</table>
<h2>Confusion matrix</h2>
<p>A row for each true class, a column for what the model said.</p>
<table><tr><th></th>{% for name in e.classes %}<th class="said">{{ name | text }}</th>{% endfor %}</tr>
{% for row in e.confusion %}{% set n = row | sum %}<tr><th>{{ e.classes[loop.index0] | text }}</th>
{% for count in row %}<td style="background: rgba(31, 119, 180, {{ '%.3f' | format(0.75 * count / (n or 1)) }})">
{{- count }}</td>{% endfor %}</tr>
{% endfor %}</table>
<h2>Calibration</h2>
<p>How often the model was right, by how sure it was; on the line it is as sure as it should be. Expected calibration
error: {{ e.calibration_error | number }}.</p>
<svg width="{{ size + 60 }}" height="{{ size + 50 }}" viewBox="-45 -10 {{ size + 60 }} {{ size + 50 }}" role="img"
 aria-label="calibration curve" font-size="12">
<rect width="{{ size }}" height="{{ size }}" fill="none" stroke="#999"/>
<line x1="0" y1="{{ size }}" x2="{{ size }}" y2="0" stroke="#bbb" stroke-dasharray="4"/>
<polyline points="{{ curve }}" fill="none" stroke="#1f77b4" stroke-width="2"/>
{% for bin in e.calibration %}<circle cx="{{ (bin.confidence * size) | round(1) }}"
 cy="{{ (size - bin.accuracy * size) | round(1) }}" r="3.5" fill="#1f77b4"/>
{% endfor %}<text x="0" y="{{ size + 16 }}">0</text><text x="{{ size - 6 }}" y="{{ size + 16 }}">1</text>
<text x="{{ size // 2 - 30 }}" y="{{ size + 32 }}">confidence</text>
<text x="-12" y="8">1</text><text transform="translate(-20 {{ size // 2 + 25 }}) rotate(-90)">accuracy</text></svg>
<table><tr><th>confidence</th><th>texts</th><th>mean confidence</th><th>accuracy</th></tr>
{% for bin in e.calibration %}<tr><th>{{ bin.low }} to {{ bin.high }}</th><td>{{ bin.n }}</td>
<td>{{ bin.confidence | number }}</td><td>{{ bin.accuracy | number }}</td></tr>
{% endfor %}</table>
<h2>The most confident mistakes</h2>
{% if e.mistakes %}<table><tr><th>class</th><th>said</th><th>probability</th><th>of the class</th><th>text</th></tr>
{% for row in e.mistakes %}<tr><th>{{ row.label | text }}</th><th>{{ row.predicted | text }}</th>
<td>{{ row.probability | number }}</td><td>{{ row.of_label | number }}</td>
<td class="text"><div tabindex="0">{{ row.text | text }}</div></td></tr>
{% endfor %}</table>{% else %}<p>There is none.</p>{% endif %}
<h2>What the model was shown</h2>
<p>Texts of the train part as the network sees them: xxunk is a word it does not know, xxmaj a capital to come.</p>
<table><tr><th>class</th><th>text</th></tr>
{% for row in e.shown %}<tr><th>{{ row.label | text }}</th>
<td class="text"><div tabindex="0">{{ row.text | text }}</div></td></tr>
{% endfor %}</table>
</body></html>
"""


def evaluation_page(evaluation: Mapping[str, Any], test: Mapping[str, float], *, title: str) -> str:
    """Returns the page.

    Args:
        evaluation: What `hpo.trainers.awd_lstm.evaluation.evaluate` found.
        test: The test metrics.
        title: What the page is about.
    """
    from jinja2 import Environment

    environment = Environment(autoescape=True)
    environment.filters |= {"text": for_html, "number": _number}
    baseline = evaluation.get("baseline") or {}
    names = [("accuracy", "accuracy"), ("macro-F1", "macro_f1"), ("loss", "loss")]
    scores = [(name, _number(test.get(f"test_{key}")), _number(baseline.get(key))) for name, key in names]
    points = [(at["confidence"] * SIZE, SIZE - at["accuracy"] * SIZE) for at in evaluation["calibration"]]
    return environment.from_string(PAGE).render(
        e=evaluation,
        title=for_html(title),
        n_test=int(test.get("n_test", sum(map(sum, evaluation["confusion"])))),
        scores=scores,
        curve=" ".join(f"{x:.1f},{y:.1f}" for x, y in points),
        size=SIZE,
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
