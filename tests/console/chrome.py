"""A headless Chromium, driven by its DevTools protocol as a person drives it: with a mouse, keys, and eyes."""

from __future__ import annotations

import base64
import itertools
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.patience import PATIENCE_SECONDS, until

#: What the entries of the log say that the tests themselves provoke: an answer with an error.
_EXPECTED = "Failed to load resource: the server responded with a status of 4"


class Page:
    """A tab. ``problems`` are errors and warnings of the console and exceptions, ``requests`` the URLs it asked for."""

    def __init__(self, socket: ClientConnection, session: str) -> None:
        self._socket = socket
        self._session = session
        self._numbers = itertools.count(1)
        self.problems: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> Any:
        """Send a command; return its result. Events that arrive meanwhile are recorded."""
        number = next(self._numbers)
        message = {"id": number, "sessionId": self._session, "method": method, "params": parameters}
        self._socket.send(orjson.dumps(message).decode())
        while True:
            found = orjson.loads(self._socket.recv(timeout=PATIENCE_SECONDS))
            if found.get("sessionId") != self._session:
                continue
            if found.get("id") == number:
                assert "error" not in found, (method, found["error"])
                return found["result"]
            self._note(found.get("method", ""), found.get("params", {}))

    def _note(self, event: str, given: Any) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.problems.append(str(given["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and given["type"] in ("error", "warning", "assert"):
            self.problems.append(str(given["args"]))
        elif event == "Log.entryAdded" and given["entry"]["level"] in ("error", "warning"):
            text = given["entry"]["text"]
            if not text.startswith(_EXPECTED):
                self.problems.append(text)

    def open(self, url: str) -> None:
        """Open an address; the document is complete when this returns."""
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def run(self, expression: str) -> Any:
        """Return the value of an expression in the page, after waiting for it if it is a promise."""
        found = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        try:
            until(lambda: self.run(f"Boolean({expression})"), expression)
        except BaseException:
            print(self.run("document.body.innerText"))  # noqa: T201 - shown for a test that fails
            raise

    def sees(self, text: str) -> None:
        """Wait until a text is on the page."""
        self.until(f"document.body.innerText.includes({_quoted(text)})")

    def misses(self, text: str) -> None:
        """Wait until a text is not on the page."""
        self.until(f"!document.body.innerText.includes({_quoted(text)})")

    def click(self, name: str, kind: str = "button, a, [role=tab], label, summary") -> None:
        """Click on the element of that text or label, with the mouse."""
        find = f"""(() => {{
          const scope = document.querySelector("dialog[open]") ?? document;
          const all = [...scope.querySelectorAll({_quoted(kind)})];
          const text = one => (one.getAttribute("aria-label") ?? one.innerText).trim();
          return all.find(one => text(one) === {_quoted(name)} && !one.disabled)
        }})()"""
        self.until(f"Boolean({find})")
        box = self.run(f"""(() => {{ const found = {find}; found.scrollIntoView({{block: "center"}});
            const at = found.getClientRects()[0]; return [at.x + at.width / 2, at.y + at.height / 2] }})()""")
        for event in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=event, x=box[0], y=box[1], button="left", clickCount=1)

    def focus(self, label: str) -> None:
        """Put the focus into the field of that label, and select what is in it."""
        find = f"""(() => {{
          const scope = document.querySelector("dialog[open]") ?? document;
          const found = [...scope.querySelectorAll("input, textarea, select")].find(one =>
            (one.labels?.[0]?.innerText ?? one.getAttribute("aria-label") ?? "").trim() === {_quoted(label)});
          found?.focus(); found?.select?.(); return Boolean(found) && document.activeElement === found }})()"""
        self.until(find)

    def fill(self, label: str, text: str) -> None:
        """Type a text into the field of that label, in place of what is in it."""
        self.focus(label)
        if text:
            self.type(text)
        else:
            self.press("Backspace")

    def choose(self, label: str, value: str) -> None:
        """Choose a value in a list."""
        self.focus(label)
        self.run(f"""(() => {{ const one = document.activeElement; one.value = {_quoted(value)};
            one.dispatchEvent(new Event("change", {{bubbles: true}})) }})()""")

    def type(self, text: str) -> None:
        """Type a text where the focus is."""
        self.send("Input.insertText", text=text)

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36, "Backspace": 8,
                 "ArrowLeft": 37, "ArrowRight": 39}  # fmt: skip
        texts = {"Enter": "\r", " ": " "}
        for key in keys:
            is_back = key == "Shift+Tab"
            name = "Tab" if is_back else key
            shared = {"key": name, "code": name, "windowsVirtualKeyCode": codes[name], "modifiers": 8 if is_back else 0}
            self.send("Input.dispatchKeyEvent", type="keyDown", **shared, text=texts.get(name, ""))
            self.send("Input.dispatchKeyEvent", type="keyUp", **shared)

    def assert_clean(self, url: str) -> None:
        """Check that the pages of the console at ``url`` had no problem, ran no foreign code, and asked nobody else."""
        assert self.run("window.hit") is None
        assert self.problems == []
        assert [one for one in self.requests if not one.startswith((f"{url}/console/", "data:"))] == []

    def size(self, width: int, height: int, *, is_phone: bool = False) -> None:
        """Give the page another size."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=is_phone
        )

    def prefer(self, scheme: str) -> None:
        """Let the system prefer a light or a dark theme, and no animations, so that colors change at once."""
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.send("Emulation.setEmulatedMedia", features=features)

    def shot(self, file: Path) -> None:
        """Write a picture of the page."""
        file.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


class Chrome:
    """A running Chromium."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @contextmanager
    def page(self) -> Iterator[Page]:
        """Open a tab in a profile of its own."""
        context = self._command("Target.createBrowserContext")["browserContextId"]
        target = self._command("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self._command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self._socket, session)
        page.size(1280, 860)
        try:
            yield page
        finally:
            self._command("Target.disposeBrowserContext", browserContextId=context)

    def _command(self, method: str, **parameters: Any) -> Any:
        self._socket.send(orjson.dumps({"id": 0, "method": method, "params": parameters}).decode())
        while True:
            found = orjson.loads(self._socket.recv(timeout=PATIENCE_SECONDS))
            if found.get("id") == 0 and "sessionId" not in found:
                assert "error" not in found, (method, found["error"])
                return found["result"]


@contextmanager
def running(program: str, folder: Path) -> Iterator[Chrome]:
    """Start a Chromium that finds no other host than this machine."""
    command = [
        program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost", f"--user-data-dir={folder}",
        "about:blank",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port, path = _address(folder / "DevToolsActivePort", process)
        with connect(f"ws://127.0.0.1:{port}{path}", max_size=None, compression=None) as socket:
            yield Chrome(socket)
    finally:
        process.terminate()
        process.wait(30)


def _address(file: Path, process: subprocess.Popen[bytes]) -> tuple[str, str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) >= 2:
            return lines[0], lines[1]
        time.sleep(0.05)
    pytest.fail("Chromium did not open its port for DevTools")
