"""The HTML report: read as text, and opened in a real browser."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hpo.figures.figure import Cell
from hpo.figures.palette import build_styles
from hpo.report.document.content import Claim, Column, Report, Section, Table, Text, Verdict
from hpo.report.document.html import document_html
from hpo.report.document.outline import outline
from tests.support.browser import HAS_CHROMIUM, Page, open_page
from tests.support.sample_report import make_report, make_verdict

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    '<b>x</b> <a href="https://evil.example">y</a>',
    "a|b `c` %{x} $z$ <!-- &amp;",
    "=cmd()\u2028\u202e{{ 7 * 7 }}",
)
N_FIGURES = 11
UNFOLD = "document.querySelectorAll('main details').forEach((one) => { one.open = true; })"
ALL_DRAWN = "document.querySelectorAll('figure.plotted').length === document.querySelectorAll('.js-plotly-plot').length"
PLOTLY = "typeof Plotly === 'object'"
SCROLL = """(async () => {
    for (let top = 0; top < document.body.scrollHeight; top += 400) {
        scrollTo({top, behavior: "instant"});
        await new Promise((done) => setTimeout(done, 30));
    }
})()"""
in_browser = pytest.mark.skipif(not HAS_CHROMIUM, reason="no chromium on PATH to open the report")


def render(report: Report) -> str:
    return document_html(report, outline(report), build_styles(report.strategies))


def hostile_report() -> Report:
    """Returns the sample report with every text from outside trying to be more than text."""
    report = make_report(HOSTILE)
    verdict = replace(
        make_verdict(HOSTILE), headline=HOSTILE[0], reading=HOSTILE[1], claims=[Claim(HOSTILE[0], "better")]
    )
    sections = [replace(report.sections[0], title=HOSTILE[0], blocks=[verdict]), *report.sections[1:]]
    return replace(report, title=HOSTILE[0], subtitle=HOSTILE[1], sections=sections)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if "href" in found else []


def parse(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    return tags


def test_every_part_has_an_anchor_and_nothing_comes_from_elsewhere() -> None:
    report = make_report()
    page = render(report)
    tags = parse(page)
    assert {section.key for section in report.sections} <= set(tags.ids)
    assert len(set(tags.ids)) == len(tags.ids)
    assert {link[1:] for link in tags.links if link.startswith("#")} <= set(tags.ids)
    assert not any("//" in link for link in tags.links)
    assert 'src="' not in page
    assert len(page) < 3_000_000


def test_hostile_names_make_no_element() -> None:
    tags = parse(render(hostile_report())).tags
    assert not {"img", "b"} & set(tags)
    assert tags.count("script") == N_FIGURES + 2
    assert "=cmd()  {{ 7 * 7 }}" in render(hostile_report())
    assert "\u202e" not in render(hostile_report())


def test_the_policy_allows_our_scripts_alone() -> None:
    page = render(make_report())
    [policy] = re.findall(r'Content-Security-Policy" content="(.*?)"', page)
    assert policy.startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert "unsafe-eval" not in policy


def test_the_same_report_is_the_same_document() -> None:
    assert render(make_report()) == render(make_report())


def test_a_report_without_figures_carries_no_plotly() -> None:
    page = render(Report("t", "", ["a"], [Section("s", "S", [Table("t", "T", [], [])])]))
    assert len(page) < 60_000
    assert "nothing to show" in page


def test_many_pairs_are_folded_but_no_finding_is() -> None:
    claims = [Claim(f"undecided {n}", "undecided") for n in range(20)] + [Claim("found", "better")]
    verdict = Verdict("h", claims, Table("looks", "Looks", [], []), "r")
    page = render(Report("t", "", [], [Section("v", "V", [verdict])]))
    shown, folded = page.split("<details><summary>")
    assert "found" in shown
    assert "18 more pairs" in folded


def test_groups_stand_in_the_place_of_pairs_which_are_folded() -> None:
    claims = [Claim(f"a and b{n} not distinguishable: p = 1", "undecided") for n in range(3)]
    groups = [Claim("Group 1: a, better than b: by 0.1", "better")]
    verdict = Verdict("h", claims, Table("looks", "Looks", [], []), "r", groups)
    shown, folded = render(Report("t", "", [], [Section("v", "V", [verdict])])).split("<details><summary>")
    assert "<strong>Group 1</strong>: a, better than b" in shown
    assert "not distinguishable" not in shown
    assert folded.count("not distinguishable") == 3


def test_sections_are_folded_under_what_they_find_and_backticks_are_code() -> None:
    section = Section("design", "Design", [Text("`hpo compare` writes <b>it</b>.")], finding="no `deviation`")
    page = render(Report("t", "", [], [section]))
    assert '<details class="fold">' in page
    assert '<span class="finding">no <code>deviation</code></span>' in page
    assert "<code>hpo compare</code> writes &lt;b&gt;it&lt;/b&gt;." in page


def check_silent(page: Page, path: Path) -> None:
    """Checks that nothing was asked from elsewhere, written to the console, or popped up."""
    assert [url for url in page.requests if not url.startswith("data:")] == [path.as_uri()]
    assert page.messages == []
    assert page.dialogs == []


def draw_all(page: Page) -> None:
    """Scrolls past every figure."""
    page.wait(PLOTLY)
    page.evaluate(SCROLL)
    page.wait(ALL_DRAWN)


@in_browser
@pytest.mark.parametrize(("width", "is_dark", "is_phone"), [(1280, False, False), (360, True, True)])
def test_a_browser_draws_every_figure(tmp_path: Path, width: int, is_dark: bool, is_phone: bool) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(make_report()))
    with open_page(path, tmp_path / "profile", width=width, is_dark=is_dark, is_phone=is_phone) as page:
        assert page.evaluate("document.querySelectorAll('.js-plotly-plot').length") < N_FIGURES  # drawn when near
        page.evaluate(UNFOLD)
        height = page.evaluate("document.documentElement.scrollHeight")
        draw_all(page)
        moved = "a link to a section must still lead there after the figures above it are drawn"
        assert page.evaluate("document.documentElement.scrollHeight") == pytest.approx(height, abs=60), moved
        assert page.evaluate("[...document.querySelectorAll('.plot')].every((one) => one.querySelector('.main-svg'))")
        assert page.evaluate("document.querySelectorAll('.js-plotly-plot').length") == N_FIGURES
        assert page.evaluate("document.documentElement.scrollWidth") == width
        right_ends = "[...document.querySelectorAll('.main-svg')].map((one) => one.getBoundingClientRect().right)"
        assert page.evaluate(f"Math.max(...{right_ends})") <= width
        assert page.evaluate("document.querySelectorAll('[data-title*=cloud], [data-title*=Share]').length") == 0
        check_silent(page, path)


@in_browser
@pytest.mark.parametrize(("width", "is_phone"), [(1280, False), (390, True)])
def test_no_cell_is_painted_over_another(tmp_path: Path, width: int, is_phone: bool) -> None:
    titles = ("Task", "Trainer", "Data", "Fingerprint of the data", "Settings of the data")
    made = "0629dbf5ed6f3710 (numpy 2.4.6, scipy 1.17.1, pandas 3.1.1, scikit-learn 1.9.1, matplotlib 3.11)"
    tasks: list[Cell] = ["docstrings", "awd_lstm", "docstrings", made, "tokenizer=spacy, min_freq=2, max_vocab=20000"]
    numbers: list[Cell] = [
        "docstrings",
        0.5,
        "−0.014594 [−0.028071, −0.0079662]",
        "1,234,567,890 of 9,876,543,210 tokens",
        3,
    ]
    tables = [
        Table(key, key, [Column(title) for title in titles], [row]) for key, row in (("a", tasks), ("b", numbers))
    ]
    path = tmp_path / "report.html"
    path.write_text(render(replace(make_report(), sections=[Section("design", "Design", tables)])))
    with open_page(path, tmp_path / "profile", width=width, is_phone=is_phone) as page:
        page.evaluate(UNFOLD)
        cells = "[...document.querySelectorAll('th, td')]"
        assert page.evaluate(f"{cells}.length") == 4 * len(titles)
        wide = f"{cells}.filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.textContent)"
        assert page.evaluate(wide) == []
        bar = "getComputedStyle(document.querySelector('.scroll'), '::-webkit-scrollbar').height"
        assert page.evaluate(bar) == "8.8px"


@in_browser
def test_views_and_legend_answer_to_clicks(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(make_report()))
    figure = "document.getElementById('figure-anytime')"
    with open_page(path, tmp_path / "profile") as page:
        page.evaluate(UNFOLD)
        page.evaluate(f"{figure}.scrollIntoView()")
        page.wait(f"{figure}.querySelector('.main-svg') !== null")
        title = f"{figure}.querySelector('.x-title').textContent"
        assert page.evaluate(title) == "epochs spent"
        page.evaluate(f"{figure}.querySelectorAll('.views button')[2].click()")
        assert page.evaluate(title) == "seconds spent"
        assert page.evaluate(f"{figure}.querySelectorAll('.views button')[2].ariaPressed") == "true"
        n_lines = f"{figure}.querySelectorAll('.scatterlayer .trace').length"
        before = page.evaluate(n_lines)
        page.evaluate(f"{figure}.querySelector('.legend button').click()")
        page.wait(f"{n_lines} < {before}")
        assert before - page.evaluate(n_lines) == 3  # the curve, its band, its seeds
        check_silent(page, path)


@in_browser
def test_hostile_names_stay_text_in_a_browser(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(hostile_report()))
    with open_page(path, tmp_path / "profile", height=14_000) as page:
        page.evaluate(UNFOLD)
        page.wait(ALL_DRAWN)
        assert page.evaluate("document.querySelectorAll('img, svg a, b, [onerror]').length") == 0
        assert page.evaluate("[...document.querySelectorAll('svg tspan')].some((one) => one.style.fontWeight)") is False
        drawn = page.evaluate("document.querySelector('#figure-seeds .main-svg').textContent")
        assert "<b>x</b>" in drawn
        assert "onerror=alert(1)" in drawn
        plot = "document.querySelector('#figure-gap .plot')"
        for number, name in ((1, HOSTILE[1]), (2, HOSTILE[2])):
            page.evaluate(f"Plotly.Fx.hover({plot}, [{{curveNumber: {number}, pointNumber: 0}}])")
            page.wait(f"{plot}.querySelector('.hoverlayer').textContent.includes({json.dumps(name[:25])})")
        assert page.evaluate("document.documentElement.scrollWidth") == 1280
        check_silent(page, path)


@in_browser
def test_the_policy_stops_a_script_that_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(make_report()).replace("</main>", "</main><script>window.isBroken = true</script>"))
    with open_page(path, tmp_path / "profile") as page:
        page.wait(PLOTLY)
        assert page.evaluate("window.isBroken") is None
        assert page.evaluate("fetch('https://example.com').then(() => 'sent', () => 'stopped')") == "stopped"
        assert page.messages != []


@in_browser
def test_on_paper_every_figure_is_drawn_and_nothing_is_dark(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(make_report()))
    with open_page(path, tmp_path / "profile", is_dark=True) as page:
        page.wait(PLOTLY)
        printed = page.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]
        assert base64.b64decode(printed).count(b"/Type /Page\n") > 4
        assert page.evaluate("document.querySelectorAll('.js-plotly-plot').length") == N_FIGURES
        page.evaluate(UNFOLD)
        page.call("Emulation.setEmulatedMedia", media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
        check_silent(page, path)


def test_an_equation_is_not_broken_over_lines_and_a_command_is_copied_as_it_is() -> None:
    claim = Claim("tpe better: p < .05, n ≥ 8, and `lr = 1`", "better")
    report = make_report(["tpe"])
    sections = [replace(report.sections[0], blocks=[replace(make_verdict(["tpe"]), claims=[claim])])]
    page = render(replace(report, sections=sections))
    assert "<strong>tpe better</strong>: p\xa0&lt;\xa0.05, n\xa0≥\xa08, and <code>lr = 1</code>" in page


CUT_WORDS = """(() => {
  const cut = [];
  for (const cell of document.querySelectorAll(".whole th, .whole td")) {
    for (const {index, 0: word} of cell.textContent.matchAll(/[\\p{L}\\d.]+/gu)) {
      const range = document.createRange();
      range.setStart(cell.firstChild, index);
      range.setEnd(cell.firstChild, index + word.length);
      if (range.getClientRects().length > 1) cut.push(word);
    }
  }
  return cut;
})()"""


@in_browser
def test_on_paper_words_of_a_table_stay_whole_where_they_fit_and_no_table_is_cut_off(tmp_path: Path) -> None:
    path, width = tmp_path / "report.html", 670
    ten = ["strategy", "studies", "started", "complete", "pruned", "failed", "running", "within", "epochs", "least"]
    long = [f"space.train.a_param_with_a_long_name_{number}" for number in range(8)]
    tables = [
        Table("fits", "Fits", [*map(Column, ten)], [["one long cell presses the others " * 9, *[123456] * 9]], ""),
        Table("long", "Long", [*map(Column, long)], [[0.123456789] * 8], ""),
    ]
    path.write_text(render(Report("x", "", ["random"], [Section("a", "A", tables, {})])))
    with open_page(path, tmp_path / "profile", width=width) as page:
        page.evaluate(UNFOLD)
        page.call("Emulation.setEmulatedMedia", media="print")
        assert page.evaluate("document.querySelector('#table-fits table').className") == "whole"
        assert page.evaluate("document.querySelector('#table-long table').className") == "small"
        assert page.evaluate(CUT_WORDS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
