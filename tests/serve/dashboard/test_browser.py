"""The dashboard in a real Chromium: numbers, live, keyboard, small, dark, and in bad times."""

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tracetier.records import Feedback, Task
from tracetier.serve.auth import Access
from tracetier.serve.service import Service
from tracetier.settings import Settings
from tracetier.tiers import Tier, TierSet

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serve.conftest import Maker, Server
    from tests.serve.dashboard.conftest import Browser, Serve

pytestmark = pytest.mark.slow

EVIL = "<img src=x onerror=\"document.title='owned'\">"
SETTINGS = Settings(budget_usd=0.02)


@pytest.fixture
def busy(golden: "Path") -> Iterator[Service]:
    """A service over a trained artifact."""
    service = Service.open(golden, settings=SETTINGS)
    yield service
    service.close()


def work(service: Service, n: int, *, reported: int | None = None) -> None:
    """Decide on tasks of four types for three agents, and report the first of them."""
    for i in range(n):
        task = Task(
            text="Rename the function foo to bar. " * (1 + i % 7),
            task_type=("rename", "bug_fix", "design", "explain")[i % 4],
            agent_name=("planner", "reviewer", EVIL)[i % 3],
        )
        decision = service.route(task, source=("api", "gateway", "hook")[i % 3])
        if i < (n if reported is None else reported):
            report = Feedback(
                decision_id=decision.decision_id, quality=5.0 + i % 5, cost_usd=0.004 + i * 1e-5
            )
            service.feedback(report)


def is_live(browser: "Browser") -> bool:
    return browser.text("#status") in ("live", "degraded")


def dollars(text: str) -> float:
    """Return the first amount of USD in a text."""
    found = re.search(r"(\u2212?)\$([\d,.]+)", text)
    assert found is not None, text
    return float(found[2].replace(",", "")) * (-1.0 if found[1] else 1.0)


def figure(browser: "Browser", name: str) -> tuple[str, str]:
    """Return a figure's value and what stands below it."""
    box = f'.figure[data-id="{name}"]'
    return browser.text(f"{box} .value span"), browser.text(f"{box} .sub")


def test_the_page_shows_what_the_service_tells(
    browser: "Browser", serve: "Serve", busy: Service
) -> None:
    """300 decisions, 200 of them reported: each figure is that of the API, rounded."""
    url = serve(busy, SETTINGS)
    work(busy, 300, reported=200)
    browser.open(url)
    browser.wait(lambda: figure(browser, "decisions")[0] == "300")

    told = browser.asked()
    here, totals = told["in_window"], told["totals"]

    assert (here["decisions"], here["n_quality"]) == (300, 200)
    assert dollars(figure(browser, "saved")[0]) == pytest.approx(here["saved_usd"], rel=0.01)
    assert f"{100 * totals['saved_share']:.0f} %" in figure(browser, "saved")[1]
    assert figure(browser, "quality")[0] == f"{here['quality']:.2f}"
    assert figure(browser, "feedback")[0] == "67 %"
    assert f"{told['n_pending']} wait" in figure(browser, "feedback")[1]
    assert dollars(figure(browser, "goal")[0]) == pytest.approx(told["goal"]["actual"], rel=0.01)
    assert "at most $0.0200 wanted" in figure(browser, "goal")[1]
    assert (
        browser.run("return document.querySelector('[data-id=goal]').dataset.held")
        == str(told["goal"]["is_held"]).lower()
    )
    by_tier = [sum(p["decisions"][k] for p in told["points"]) for k in range(3)]
    legend = browser.texts("#traffic .legend .amount")
    assert [int(text.partition(" ")[0]) for text in legend] == by_tier
    spent, dear = (dollars(text) for text in browser.texts("#spend .legend .amount")[:2])
    assert spent == pytest.approx(here["spend_usd"], rel=0.01)
    assert dear == pytest.approx(here["dear_usd"], rel=0.01)
    shown = [float(text.partition(" ")[0]) for text in browser.texts("#cells td:nth-child(3)")]
    assert shown == [pytest.approx(c["q"], abs=0.005) for c in told["cells"]][: len(shown)]
    assert len(shown) == len(told["cells"]) == 3 * 5
    assert "±" in browser.text("#cells td:nth-child(3)")
    assert browser.texts("#rows .time") != []
    assert browser.errors() == []


def test_it_follows_new_traffic_and_leaves_the_reader_in_place(
    browser: "Browser", serve: "Serve", busy: Service
) -> None:
    """No reload: the figures move, an unfolded row stays so and in focus, and nothing is said."""
    url = serve(busy, SETTINGS)
    work(busy, 5)
    browser.open(url)
    browser.wait(lambda: figure(browser, "decisions")[0] == "5")
    browser.run("document.querySelector('#rows details').open = true")
    browser.run("document.querySelector('#rows summary').focus()")
    browser.run("window.isTheSame = true")
    first, said = browser.texts("#rows .reasons code")[0], browser.text("#said")

    work(busy, 4)

    browser.wait(lambda: figure(browser, "decisions")[0] == "9")
    assert len(browser.texts("#rows tbody tr")) == 9
    assert browser.run("return window.isTheSame === true")
    assert browser.text("#rows details[open] code") == first
    assert browser.run("return document.activeElement.closest('tr')?.dataset.id") == first
    assert browser.text("#said") == said
    assert browser.errors() == []


def test_a_pause_holds_what_is_shown(browser: "Browser", serve: "Serve", busy: Service) -> None:
    """And going on catches up."""
    url = serve(busy, SETTINGS)
    work(busy, 2)
    browser.open(url)
    browser.wait(lambda: figure(browser, "decisions")[0] == "2")
    browser.run("document.getElementById('pause').click()")
    work(busy, 1)
    time.sleep(3.0)  # longer than the page waits between two looks

    assert figure(browser, "decisions")[0] == "2"
    assert browser.text("#status") == "paused"
    browser.run("document.getElementById('pause').click()")
    browser.wait(lambda: figure(browser, "decisions")[0] == "3")


def test_every_window_can_be_chosen(browser: "Browser", serve: "Serve", busy: Service) -> None:
    """By its radio button; a screen reader is told, and the charts have that many steps."""
    url = serve(busy, SETTINGS)
    work(busy, 6)
    browser.open(url)
    browser.wait(lambda: is_live(browser))

    for window, steps in (("24h", 96), ("7d", 168), ("30d", 30), ("1h", 60)):
        browser.run(f"document.querySelector('[value=\"{window}\"]').click()")
        most = "return Number(document.querySelector('#traffic .plot').ariaValueMax)"
        browser.wait(lambda most=most, steps=steps: browser.run(most) == steps - 1)  # type: ignore[misc]
        assert figure(browser, "decisions")[0] == "6"
        assert "6 decisions" in browser.text("#said")
    assert browser.errors() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_its_text_stands_out(
    browser: "Browser",
    serve: "Serve",
    busy: Service,
    scheme: str,
    width: int,
    tmp_path: "Path",
) -> None:
    """Nothing hangs over at 390 pixels, and every text has a contrast of 4.5 or more."""
    url = serve(busy, SETTINGS)
    work(busy, 120, reported=80)
    browser.open(url, width=width, scheme=scheme)
    browser.wait(lambda: figure(browser, "decisions")[0] == "120")
    browser.run("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    browser.wait(lambda: len(browser.texts("#traffic tbody tr")) > 0)

    poor = browser.run(CONTRAST)

    assert browser.run("return document.documentElement.scrollWidth") == width
    assert poor["seen"] > 150
    assert poor["poor"] == []
    ground = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (int(re.findall(r"\d+", ground)[0]) < 128) is (scheme == "dark")
    photo = tmp_path / f"dashboard-{width}-{scheme}.png"  # kept by the runner, to be looked at
    browser.photograph(photo)
    assert photo.stat().st_size > 50_000
    assert browser.errors() == []


def test_the_theme_can_be_turned_against_the_systems(
    browser: "Browser", serve: "Serve", busy: Service
) -> None:
    """System, light, dark and round; it is remembered."""
    url = serve(busy, SETTINGS)
    ground = "return getComputedStyle(document.body).backgroundColor"
    browser.open(url, scheme="light")
    browser.wait(lambda: is_live(browser))
    system = browser.run(ground)
    seen = []
    for _ in range(2):
        browser.run("document.getElementById('theme').click()")
        seen.append((browser.text("#theme"), browser.run(ground)))
    browser.open(url, scheme="light")
    browser.wait(lambda: is_live(browser))

    assert seen[0] == ("Theme: light", system)
    assert seen[1][0] == "Theme: dark"
    assert browser.run(ground) == seen[1][1] != system
    browser.run("document.getElementById('theme').click()")
    assert browser.run(ground) == system


def test_the_keyboard_reaches_every_control(
    browser: "Browser", serve: "Serve", busy: Service
) -> None:
    """Tab goes to each in the order of the page, starting with the skip link, and is seen there."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    url = serve(busy, SETTINGS)
    work(busy, 20)
    browser.open(url)
    browser.wait(lambda: figure(browser, "decisions")[0] == "20")
    browser.run("document.getElementById('pause').click()")  # so that nothing moves meanwhile
    browser.run("document.activeElement.blur(); window.scrollTo(0, 0)")
    wanted = browser.run(CONTROLS)
    reached: list[Any] = []
    body = browser.driver.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    for _ in range(len(wanted) + 20):
        at = browser.run("return document.activeElement.dataset.stop ?? null")
        if at in reached or at is None:
            break
        reached.append(at)
        assert browser.run(IS_SEEN), browser.run("return document.activeElement.outerHTML")
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)

    assert len(wanted) > 25
    assert reached == wanted
    browser.run("document.querySelector('.skip').focus()")
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.run("return document.activeElement.id") == "main"


def test_a_chart_is_read_with_the_arrow_keys(
    browser: "Browser", serve: "Serve", busy: Service
) -> None:
    """Each step tells its numbers; the same are in the table that unfolds."""
    from selenium.webdriver.common.keys import Keys

    url = serve(busy, SETTINGS)
    work(busy, 8)
    browser.open(url)
    browser.wait(lambda: figure(browser, "decisions")[0] == "8")
    browser.run("document.querySelector('[value=\"24h\"]').click()")
    browser.wait(lambda: "15 minutes" in browser.text("#traffic .what"))
    now = "return document.querySelector('#traffic .plot').getAttribute('aria-valuetext')"
    last = browser.run(now)
    browser.run("document.querySelector('#traffic .plot').focus()")
    chart = browser.driver.switch_to.active_element
    chart.send_keys(Keys.HOME)
    first = browser.run(now)
    chart.send_keys(Keys.END)

    assert sum(int(n) for n in re.findall(r" (\d+)", last.partition(": ")[2])) == 8
    assert re.fullmatch(r"\d\d:\d\d: haiku 0, sonnet 0, opus 0", first)
    assert browser.run(now) == last
    assert browser.text("#traffic .readout") == last
    browser.run("document.querySelector('#traffic summary').click()")
    browser.wait(lambda: browser.texts("#traffic tbody th") == [last.partition(": ")[0]])


def test_names_from_users_stay_text(
    browser: "Browser", serve: "Serve", make_router: "Maker"
) -> None:
    """A tier, an agent and a type of task that are markup: shown as they are, and not run.

    Nor does a name of 80 letters without a blank make the page wider than a phone.
    """
    tiers = TierSet((Tier(name=80 * "w"), Tier(name=EVIL)))
    service = Service(make_router(tiers=tiers))
    service.watch(EVIL, lambda: "down")
    url = serve(service)
    service.route(Task(agent_name=80 * "m"), allowed=[80 * "w"])
    task = Task(task_type=EVIL, agent_name=EVIL)
    made = [service.route(task, allowed=[EVIL]) for _ in range(3)]
    service.feedback(Feedback(decision_id=made[0].decision_id, quality=7.0))
    browser.open(url, width=390)
    browser.wait(lambda: figure(browser, "decisions")[0] == "4")

    assert browser.run("return document.documentElement.scrollWidth") == 390
    assert browser.text("#rows .tier") == EVIL
    assert f"{EVIL} · {EVIL} · by api" in browser.texts("#rows .place")
    assert EVIL in browser.texts("#traffic .legend .name")
    assert browser.run("return document.querySelectorAll('img').length") == 1  # the mark
    assert browser.driver.title == "tracetier"
    assert browser.errors() == []


def test_before_any_decision_it_says_how_to_begin(
    browser: "Browser", serve: "Serve", busy: Service
) -> None:
    """With a command for this very service; what the model believes is there already."""
    url = serve(busy, SETTINGS)
    browser.open(url, width=390)
    browser.wait(lambda: is_live(browser))

    assert "No decision yet" in browser.text("[data-id=empty]")
    assert f"curl {url}v1/route" in browser.text("[data-id=empty] pre")
    assert len(browser.texts("#cells tbody")) == 5
    shown = "return document.getElementById('charts').checkVisibility()"
    assert browser.run(shown) is False
    assert browser.run("return document.documentElement.scrollWidth") == 390
    work(busy, 1, reported=0)
    browser.wait(lambda: browser.run(shown) is True)
    assert browser.errors() == []


def test_without_feedback_it_says_how_to_report(
    browser: "Browser", serve: "Serve", busy: Service
) -> None:
    """With the id of the last decision; the first report takes the notice away."""
    url = serve(busy, SETTINGS)
    work(busy, 3, reported=0)
    browser.open(url)
    browser.wait(lambda: figure(browser, "decisions")[0] == "3")

    last = busy.recent.last(1)[0].decision.decision_id
    assert f'"decision_id": "{last}"' in browser.text("[data-id=unreported] pre")
    assert figure(browser, "quality") == ("\u2013", "no report of quality yet")
    assert "No quality reported in this window" in browser.text("#quality svg")
    busy.feedback(Feedback(decision_id=last, quality=9.0))
    browser.wait(lambda: browser.texts("[data-id=unreported]") == [])
    assert figure(browser, "quality")[0] == "9.00"


def test_a_store_that_is_down_is_told_with_the_mend(browser: "Browser", server: Any) -> None:
    """A real process without its Redis: it decides, and the page says from what."""
    running: Server = server("--state", "redis://127.0.0.1:1/0")
    running.client.post("/v1/route", json={"task": {"text": "hello"}}).raise_for_status()
    browser.open(str(running.client.base_url))
    browser.wait(lambda: browser.text("#status") == "degraded")

    notice = browser.text("[data-id=degraded]")
    assert "the state store does not answer" in notice
    assert "What to do" in notice
    assert browser.errors() == []


def test_a_service_that_is_gone_is_told_and_what_was_known_stays(
    browser: "Browser", server: Any
) -> None:
    """The last figures stay, marked as old."""
    running: Server = server("--state", "memory://")
    for _ in range(4):
        running.client.post("/v1/route", json={"task": {"text": "hello"}}).raise_for_status()
    browser.open(str(running.client.base_url))
    browser.wait(lambda: figure(browser, "decisions")[0] == "4")

    running.stop()

    browser.wait(lambda: browser.text("#status") == "no answer")
    assert "has not answered since" in browser.text("[data-id=lost]")
    assert figure(browser, "decisions")[0] == "4"


def test_two_workers_show_the_same_totals(browser: "Browser", server: Any) -> None:
    """Whichever answers: totals are of both, and what is one worker's says so."""
    running: Server = server("--state", "sqlite://state.db", "--workers", "2")
    for _ in range(30):
        running.client.post(
            "/v1/route", json={"task": {"text": "hello"}}, headers={"connection": "close"}
        ).raise_for_status()
    seen: set[int] = set()
    until = time.monotonic() + 20
    while time.monotonic() < until and seen != {30}:
        asked = [
            running.client.get("/v1/dashboard", headers={"connection": "close"}).json()
            for _ in range(8)
        ]
        seen = {each["totals"]["decisions"] for each in asked}
    browser.open(str(running.client.base_url))
    browser.wait(lambda: "in all" in figure(browser, "decisions")[1])

    assert seen == {30}
    assert figure(browser, "decisions")[1].startswith("30 in all")
    assert "several workers" in browser.text("#facts")
    assert "Of the worker that answered" in browser.text("#recent .scope")


def test_a_token_is_asked_for_and_kept_in_the_tab_alone(
    browser: "Browser", serve: "Serve", busy: Service
) -> None:
    """A wrong one is told; the right one opens the page; another tab asks again."""
    access = Access([("reader", ["read"], "read-token-0123456789")])
    url = serve(busy, SETTINGS, access=access)
    work(busy, 2)
    browser.open(url)
    browser.wait(lambda: browser.run("return document.getElementById('ask').open"))

    def give(token: str) -> None:
        browser.run("document.getElementById('token').value = arguments[0]", token)
        browser.run("document.querySelector('#ask-form button').click()")

    give("wrong-token-0123456789")
    browser.wait(lambda: "none of the declared" in browser.text("#ask-why"))
    give("read-token-0123456789")
    browser.wait(lambda: figure(browser, "decisions")[0] == "2")
    assert browser.run("return document.getElementById('ask').open") is False
    assert "read-token" in browser.run("return Object.values(sessionStorage).join()")
    kept = "return Object.values(localStorage).join() + document.cookie"
    assert "read-token" not in browser.run(kept)
    assert "read-token" not in browser.run("return document.documentElement.outerHTML")
    tab = browser.driver.current_window_handle
    browser.driver.switch_to.new_window("tab")
    browser.driver.get(url)
    browser.wait(lambda: browser.run("return document.getElementById('ask').open"))
    browser.driver.close()
    browser.driver.switch_to.window(tab)


CONTRAST = """
const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
  .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const [r, g, b, a = 1] = numbers(getComputedStyle(at).backgroundColor);
    if (a === 1) return [r, g, b];
  }
  return [255, 255, 255];
};
let seen = 0;
const poor = [];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let text = walk.nextNode(); text; text = walk.nextNode()) {
  const node = text.parentElement;
  if (!text.data.trim() || !node.checkVisibility() || node.closest(".hidden, noscript")) continue;
  const style = getComputedStyle(node);
  const own = numbers(node instanceof SVGElement ? style.fill : style.color);
  const [a, b] = [light(own), light(ground(node))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  seen += 1;
  if (ratio < 4.5) poor.push(`${text.data.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
}
return { seen, poor };
"""

CONTROLS = """
const stops = [...document.querySelectorAll('a[href], button, summary, input, [tabindex="0"]')]
  .filter((e) => e.checkVisibility() && !e.closest("dialog:not([open])"))
  .filter((e) => e.type !== "radio" || e.checked);
stops.forEach((e, i) => (e.dataset.stop = i));
return stops.map((e) => e.dataset.stop);
"""

IS_SEEN = """
const at = document.activeElement;
const drawn = at.type === "radio" ? at.nextElementSibling : at;
const style = getComputedStyle(drawn);
const box = drawn.getBoundingClientRect();
return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0;
"""
