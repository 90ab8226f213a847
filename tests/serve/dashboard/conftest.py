"""An app on a real socket, and a real Chromium to look at it."""

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tracetier.serve.service import Service
from tracetier.settings import Settings

pytest.importorskip("fastapi", reason='needs pip install "tracetier[serve]"')

import uvicorn

from tracetier.serve.app import create_app

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

Serve = Callable[..., str]


@pytest.fixture(name="serve")
def _serve() -> Iterator[Serve]:
    """Return a starter of apps over a service, each on a socket of its own; they end with it."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(service: Service, settings: Settings | None = None, **given: Any) -> str:
        app = create_app(service, settings or Settings(), **given)
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{listening.getsockname()[1]}/"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(30)


class Browser:
    """A Chromium without a window, with what the tests ask of it."""

    def __init__(self, driver: "Chrome") -> None:
        self.driver = driver

    def open(
        self, url: str, *, width: int = 1280, scheme: str = "light", height: int = 900
    ) -> None:
        """Go to a page, in a window of a size, under the system's colour scheme."""
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get("about:blank")  # so that the last page asks no more, and its
        self._told()  # errors are none of this one's
        self.driver.get(url)

    def run(self, script: str, *given: Any) -> Any:
        """Run a script in the page, and return what it returns."""
        return self.driver.execute_script(script, *given)

    def text(self, selector: str) -> str:
        """Return the text of the first element that fits, as it is in the document."""
        found = self.run("return document.querySelector(arguments[0])?.textContent", selector)
        return str(found)

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all that fit."""
        script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)"
        return [str(text) for text in self.run(script, selector)]

    def wait(self, holds: Callable[[], bool], within_s: float = 20.0) -> None:
        """Wait until something holds, else fail with what the page says."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            if holds():
                return
            time.sleep(0.05)
        raise AssertionError(f"it did not come about; the page: {self.text('body')[:2000]}")

    def photograph(self, file: Path) -> None:
        """Save a picture of the whole page."""
        script = "return [innerWidth, document.documentElement.scrollHeight]"
        width, height = self.run(script)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        assert self.driver.save_screenshot(str(file))

    def errors(self) -> list[str]:
        """Return the errors that the page told on its console since it was opened."""
        return [entry["message"] for entry in self._told() if entry["level"] == "SEVERE"]

    def _told(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return found

    def asked(self, window: str = "1h") -> dict[str, Any]:
        """Return what the service tells a page of the same origin."""
        script = """
            const done = arguments[arguments.length - 1];
            fetch(`/v1/dashboard?window=${arguments[0]}`).then((a) => a.text()).then(done);"""
        text = self.driver.execute_async_script(script, window)
        found: dict[str, Any] = json.loads(text)
        return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium of this machine."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs chromium and chromedriver; apt-get install chromium chromium-driver")
    pytest.importorskip("selenium", reason='needs pip install "tracetier[dev]"')
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service as DriverService

    options = Options()
    options.binary_location = chromium
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options=options, service=DriverService(driver))
    yield Browser(made)
    made.quit()
