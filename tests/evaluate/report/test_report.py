"""The report: the same figures in page, Markdown and JSON, and names that cannot break out."""

import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tracetier.errors import SettingsError
from tracetier.evaluate.coverage import KindCoverage
from tracetier.evaluate.learning_curve import LearningPoint
from tracetier.evaluate.number_format import scaled
from tracetier.evaluate.report import html
from tracetier.evaluate.report.html import html_report
from tracetier.evaluate.result import Evaluation
from tracetier.evaluate.run import evaluate
from tracetier.measures.bootstrap import Interval
from tracetier.records import Invocation

EVIL = '<script>alert("x")</script>'


@pytest.fixture
def full(write_table: Any, use_artifact: Any, full_rows: list[Invocation]) -> Evaluation:
    """Of 150 tasks on three tiers, with a learning curve as one was asked for."""
    use_artifact()
    found = evaluate("models/fake", write_table(full_rows), lam=2.0, n_boot=60)
    point = LearningPoint(n_tasks=60, gap_closed=Interval(0.2, 0.1, 0.3))
    more = LearningPoint(
        n_tasks=120, gap_closed=Interval(0.3, 0.2, 0.4), gained=Interval(0.1, 0.0, 0.2)
    )
    return msgspec.structs.replace(found, learning=(point, more))


@pytest.fixture
def logged(write_table: Any, use_artifact: Any, full_rows: list[Invocation]) -> Evaluation:
    """One tier per task, in turn."""
    use_artifact()
    rows = [
        msgspec.structs.replace(row, p_log=1 / 3)
        for i, row in enumerate(full_rows)
        if i % 3 == (i // 9) % 3
    ]
    return evaluate("models/fake", write_table(rows), lam=2.0, n_boot=60)


class Page(HTMLParser):
    """Collects what a test asks of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.figures: list[tuple[dict[str, str | None], list[str]]] = []
        self._depth = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        self.links += [str(named[key]) for key in ("src", "href") if named.get(key)]
        if tag == "span" and "data-pointer" in named:
            self.figures.append((named, []))
            self._depth = 1
        elif tag == "span" and self._depth:
            self._depth += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "span" and self._depth:
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.figures[-1][1].append(data)


def at(summary: Any, pointer: str) -> Any:
    """What a JSON pointer points to."""
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        summary = summary[int(part)] if isinstance(summary, list) else summary[part]
    return summary


def written(summary: Any, figure: dict[str, str | None]) -> str:
    """The figure as the JSON has it."""
    found = at(summary, str(figure["data-pointer"]))
    interval = Interval(*(float("nan") if v is None else v for v in found.values()))
    return scaled(
        interval,
        str(figure["data-spec"]),
        scale=float(str(figure["data-scale"])),
        unit=figure["data-unit"] or "",
    )


@pytest.mark.parametrize("kind", ["full", "logged"])
def test_every_figure_of_the_page_is_that_of_the_json(
    kind: str, request: pytest.FixtureRequest
) -> None:
    """Each names its place; nothing on the page is computed a second time."""
    found: Evaluation = request.getfixturevalue(kind)
    summary = json.loads(json.dumps(found.summary()))
    figures = Page(html_report(found)).figures

    assert len(figures) > (60 if kind == "full" else 10)
    for attrs, text in figures:
        assert "".join(text).strip() == written(summary, attrs)


def test_page_and_markdown_lead_with_the_same_verdict_as_the_json(full: Evaluation) -> None:
    """Then what would change it."""
    summary, page, told = full.summary(), html_report(full), full.to_markdown()
    words = summary["headline"].replace("'", "&#39;")

    assert words in page
    assert page.index(words) < page.index("Quality against cost")
    plain = re.sub(r"\\(.)", r"\1", told)
    assert plain.index(summary["headline"]) < plain.index("## What would change the verdict")
    for sentence in summary["would_change"]:
        assert sentence in plain
        assert sentence.replace("'", "&#39;") in page


def test_the_calls_to_the_dear_tier_are_drawn_and_told(full: Evaluation) -> None:
    """For a wide window and a phone; the Markdown has a row for each share that is shown."""
    page, told = html_report(full), full.to_markdown()

    assert page.count("By share of calls to the dear tier. Quality and cost") == 2
    assert "% of calls to high" in page
    table = told.partition("## How many calls high gets")[2].partition("\n## ")[0]
    assert (
        "| calls to high, % | quality, 0-10 | USD per 1,000 | low, % | mid, % | lambda |" in table
    )
    assert "\n| 33 | " in table
    assert full.full is not None
    assert full.full.call_share is not None
    assert full.full.call_share.points[0].calls == 0.0


def test_the_page_loads_nothing_and_runs_nothing(full: Evaluation) -> None:
    """No script, no picture, no font, no style from anywhere; the policy forbids them too."""
    text = html_report(full)
    page = Page(text)

    assert not {"script", "img", "iframe", "object", "embed", "base"} & set(page.tags)
    assert page.links == ["data:,"]
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert {"frontier", "share", "calibration", "learning"} <= set(re.findall(r'id="(\w+)"', text))


def renamed(found: Evaluation, name: str) -> Evaluation:
    """The same evaluation with a tier, a kind of task and the table of another name."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            # An interval has a "high" too, but that is a number.
            return {
                name if key == "high" and not isinstance(each, float) else key: changed(each)
                for key, each in value.items()
            }
        if isinstance(value, list | tuple):
            return [changed(each) for each in value]
        return name if value == "high" else value

    plain = changed(msgspec.to_builtins(found))
    for point in plain["full"]["points"]:
        point["share"][name] = point["share"].pop("high", 0.0)
    policies = [plain["full"]["router"], *plain["full"]["controls"].values()]
    outcomes = [each["at_lam"] for each in policies if each["at_lam"]]
    outcomes += [*plain["full"]["fixed"].values(), *plain["full"]["calibrated"].values()]
    for outcome in outcomes:
        outcome["share"][name] = outcome["share"].pop("high", 0.0)
    for kind in plain["coverage"]:
        kind["kind"] = name
    return msgspec.convert({**plain, "table": name}, Evaluation)


def test_names_from_logs_are_text_and_never_markup(full: Evaluation) -> None:
    """In headings, tables, charts and hints; in Markdown too, which may hold HTML."""
    found = renamed(full, EVIL)
    text = html_report(found)

    assert isinstance(found.coverage[0], KindCoverage)
    assert "script" not in Page(text).tags
    assert EVIL not in text
    assert "&lt;script&gt;" in text
    assert "<script" not in found.to_markdown().replace("\\<script", "")


def test_a_missing_library_is_told_with_its_extra(
    full: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with what works without it."""
    import sys

    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(SettingsError, match=r"pip install 'tracetier\[report\]', or ask for"):
        html_report(full)


def test_a_folder_that_is_not_there_is_told(full: Evaluation, tmp_path: Path) -> None:
    """Before anything is drawn."""
    with pytest.raises(SettingsError, match="lies in a folder that does not exist"):
        full.to_html(tmp_path / "nowhere" / "report.html")
    with pytest.raises(SettingsError, match="is a folder"):
        full.to_html(tmp_path)


def test_many_tiers_and_a_free_one_can_be_drawn(full: Evaluation) -> None:
    """A cheapest tier that costs nothing has no logarithm."""
    assert full.full is not None
    free = {
        name: msgspec.structs.replace(each, cost_usd=Interval(0.0, 0.0, 0.0))
        if name == "low"
        else each
        for name, each in full.full.fixed.items()
    }
    changed = msgspec.structs.replace(full.full, fixed=free)

    text = html_report(msgspec.structs.replace(full, full=changed))
    assert "nan" not in text.split("<svg", 1)[1].split("</svg>", 1)[0]


@pytest.fixture(params=[(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def browser(request: pytest.FixtureRequest) -> Iterator[tuple[Any, int]]:
    """A real Chromium without a window, of a given width and colour scheme."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs chromium and chromedriver; apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    width, scheme = request.param
    options = Options()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(service=Service(driver), options=options)
    try:
        opened.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500},
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        yield opened, width
    finally:
        opened.quit()


@pytest.mark.slow
def test_a_browser_shows_it_without_error_or_overflow(
    browser: tuple[Any, int], full: Evaluation, tmp_path: Path
) -> None:
    """Nothing in the console, nothing wider than the window, and the figures of the JSON."""
    opened, width = browser
    full.to_html(tmp_path / "report.html")
    opened.get((tmp_path / "report.html").as_uri())
    summary = json.loads(json.dumps(full.summary()))

    assert opened.get_log("browser") == []
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width
    drawn = opened.execute_script(
        "return [...document.querySelectorAll('svg')].filter(e => e.getBoundingClientRect().width)"
        ".length"
    )
    assert drawn == 5
    shown = opened.execute_script(
        "return [...document.querySelectorAll('[data-pointer]')].map(e => [e.dataset.pointer,"
        " e.dataset.spec, e.dataset.scale, e.dataset.unit, e.textContent])"
    )
    assert len(shown) > 60
    for pointer, spec, scale, unit, text in shown:
        figure = dict(
            zip(
                ("data-pointer", "data-spec", "data-scale", "data-unit"),
                (pointer, spec, scale, unit),
                strict=True,
            )
        )
        assert text.strip() == written(summary, figure)


def test_the_template_is_part_of_the_package() -> None:
    """It lies beside the code that renders it."""
    assert (Path(html.__file__).parent / "page.html.j2").is_file()
