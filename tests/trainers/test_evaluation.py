"""What a test finds of a network, checked against scikit-learn, and the page that shows it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from hpo.data.corpus import Corpus, open_corpus
from hpo.model.documents import evaluation_page
from hpo.trainers.evaluation import evaluate
from tests.support.browser import HAS_CHROMIUM, open_page
from tests.support.trial_requests import write_corpus

EVIL = '"><img src=x onerror=alert(1)></script><b>'


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return open_corpus(write_corpus(tmp_path / "corpus"))


def some_probabilities(corpus: Corpus) -> np.ndarray:
    raw = np.random.default_rng(1).random((len(corpus.test), len(corpus.classes))) ** 3
    return raw / raw.sum(1, keepdims=True)


def test_it_counts_what_scikit_learn_counts(corpus: Corpus) -> None:
    probabilities = some_probabilities(corpus)
    labels, predicted = corpus.test.labels, probabilities.argmax(1)
    found = evaluate(corpus, probabilities)
    assert found["confusion"] == confusion_matrix(labels, predicted).tolist()
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted)
    rows = found["per_class"]
    assert [row["n"] for row in rows] == support.tolist()
    assert [row["precision"] for row in rows] == pytest.approx(precision.tolist())
    assert [row["recall"] for row in rows] == pytest.approx(recall.tolist())
    assert [row["f1"] for row in rows] == pytest.approx(f1.tolist())


def test_the_page_tells_of_an_encoder_that_has_read_the_test_part(corpus: Corpus) -> None:
    for has_read, said in ((False, "that no training and no choice has seen"), (True, "encoder.use_all_texts=true")):
        found = evaluate(corpus, some_probabilities(corpus), has_read_test=has_read)
        page = evaluation_page(found, {}, title="t")
        assert said in page
        assert ("no training and no choice" in page) is not has_read


def test_calibration_is_that_of_the_tenths(corpus: Corpus) -> None:
    probabilities = some_probabilities(corpus)
    found = evaluate(corpus, probabilities)
    assert sum(row["n"] for row in found["calibration"]) == len(corpus.test)
    for row in found["calibration"]:
        confidence = probabilities.max(1)
        inside = (confidence >= row["low"]) & (confidence < row["high"] + (row["high"] == 1))
        assert row["n"] == inside.sum()
        assert row["confidence"] == pytest.approx(confidence[inside].mean())
        assert row["accuracy"] == pytest.approx((probabilities.argmax(1) == corpus.test.labels)[inside].mean())
    sure = np.eye(len(corpus.classes))[corpus.test.labels]
    assert evaluate(corpus, sure)["calibration_error"] == 0
    assert evaluate(corpus, np.roll(sure, 1, axis=1))["calibration_error"] == 1


def test_mistakes_come_with_their_texts_the_surest_first(corpus: Corpus) -> None:
    texts = [f"text {row}" for row in range(len(corpus.test))]
    (corpus.folder / "test.texts.jsonl").write_text("".join(json.dumps(text) + "\n" for text in texts))
    probabilities = some_probabilities(corpus)
    mistakes = evaluate(corpus, probabilities)["mistakes"]
    assert [m["probability"] for m in mistakes] == sorted((m["probability"] for m in mistakes), reverse=True)
    for mistake in mistakes:
        row = texts.index(mistake["text"])
        assert mistake["label"] == corpus.classes[corpus.test.labels[row]] != mistake["predicted"]
        assert mistake["of_label"] == probabilities[row, corpus.test.labels[row]]
    assert evaluate(corpus, np.eye(len(corpus.classes))[corpus.test.labels])["mistakes"] == []


def test_texts_that_were_not_kept_are_shown_as_the_network_sees_them(corpus: Corpus) -> None:
    mistake = evaluate(corpus, some_probabilities(corpus))["mistakes"][0]
    assert set(mistake["text"].split()) <= set(corpus.vocab)


BAR = "(each => getComputedStyle(each, '::-webkit-scrollbar').height)"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
VISIBLE = "[...document.querySelectorAll('.text')].filter(each => each.checkVisibility()).length"


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)


def test_no_text_from_outside_becomes_markup(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus")
    described = json.loads((folder / "corpus.json").read_text())
    described["classes"] = [f"{name}{EVIL}" for name in described["classes"]]
    described["vocab"] = [f"{word}{EVIL}" for word in described["vocab"]]
    (folder / "corpus.json").write_text(json.dumps(described))
    corpus = open_corpus(folder)
    probabilities = some_probabilities(corpus)
    pages = [
        evaluation_page(
            evaluate(each, probabilities), {"test_accuracy": 0.5}, title=f"a{EVIL if each is corpus else ''}"
        )
        for each in (corpus, open_corpus(write_corpus(tmp_path / "plain")))
    ]
    elements = []
    for page in pages:
        parser = Elements()
        parser.feed(page)
        elements.append(parser.names)
    assert elements[0] == elements[1]
    assert "img" not in elements[0]
    assert "&lt;img" in pages[0]


@pytest.mark.skipif(not HAS_CHROMIUM, reason="needs chromium")
def test_long_texts_are_scrolled_where_they_stand(corpus: Corpus, tmp_path: Path) -> None:
    found = evaluate(corpus, some_probabilities(corpus))
    found["mistakes"] = [{**row, "text": "a long review " * 140} for row in found["mistakes"]]
    page = tmp_path / "evaluation.html"
    page.write_text(evaluation_page(found, {}, title="Trial 0"), encoding="utf-8")
    heights = "[...document.querySelectorAll('.text')].map(each => each.offsetHeight)"
    with open_page(page, tmp_path / "profile", width=900) as shown:
        assert 0 < max(shown.evaluate(heights)) < 260
        assert shown.evaluate(BACKGROUND) == "rgb(255, 255, 255)"


@pytest.mark.skipif(not HAS_CHROMIUM, reason="needs chromium")
def test_on_a_phone_in_the_dark_nothing_is_cut_off_and_all_but_five_texts_are_folded(
    corpus: Corpus, tmp_path: Path
) -> None:
    found = evaluate(corpus, some_probabilities(corpus))
    for rows in ("mistakes", "shown"):
        found[rows] = (found[rows] * 12)[:12]
    found["classes"] = [f"a_long_name_of_a_class_{name}" for name in found["classes"]]
    page = tmp_path / "evaluation.html"
    page.write_text(evaluation_page(found, {}, title="Trial 0 of a_study_with_a_rather_long_name"), encoding="utf-8")
    with open_page(page, tmp_path / "profile", width=390, is_dark=True, is_phone=True) as shown:
        assert shown.evaluate("document.documentElement.scrollWidth") == 390
        assert shown.evaluate(BACKGROUND) == "rgb(20, 23, 26)"
        assert shown.evaluate("[...document.querySelectorAll('table')].every(each => each.closest('.scroll'))")
        assert shown.evaluate(f"{BAR}(document.querySelector('.matrix'))") == "8.8px"  # seen before it is touched
        assert shown.evaluate(VISIBLE) == 10
        shown.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        assert shown.evaluate(VISIBLE) == 24
        shown.evaluate("document.querySelectorAll('details').forEach(each => { each.open = false; })")
        shown.call("Emulation.setEmulatedMedia", media="print")
        assert shown.evaluate(VISIBLE) == 24  # paper cannot be unfolded
        assert shown.evaluate(BACKGROUND) == "rgb(255, 255, 255)"
