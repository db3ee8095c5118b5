# SPDX-License-Identifier: Apache-2.0
"""Chromium without a screen, spoken to over two pipes by its DevTools protocol: no driver, no port, no package but the browser."""
import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

PATIENCE = float(os.environ.get("MIGCTL_WEB_PATIENCE", "120"))


class Failed(Exception):
    """What the test found."""


def expect(right, what):
    if not right:
        raise Failed(what)


def program():
    """Debian's browser; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One browser with pages; ends with the object."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="mig-web-")
        to_us, theirs_out = os.pipe()
        theirs_in, to_them = os.pipe()

        def descriptors():
            """The browser reads 3 and writes 4."""
            high = os.dup(theirs_in)
            out = os.dup(theirs_out)
            high, out = (os.dup2(high, 23), os.dup2(out, 24))
            os.dup2(high, 3)
            os.dup2(out, 4)
            os.setsid()

        self.log = open(os.path.join(self.folder, "log"), "wb")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(  # pylint: disable=subprocess-popen-preexec-fn
            [program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
             "--disable-features=Translate,OptimizationHints,MediaRouter", "--force-color-profile=srgb", "--remote-debugging-pipe",
             f"--user-data-dir={self.folder}/profile", "about:blank"],
            preexec_fn=descriptors, close_fds=False, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder, "XDG_CACHE_HOME": self.folder})
        os.close(theirs_out)
        os.close(theirs_in)
        self.read_end, self.write_end = to_us, to_them
        self.number, self.rest, self.answers, self.events = 0, b"", {}, []

    def close(self):
        with contextlib.suppress(Exception):
            self.call("Browser.close")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.read_end)
        os.close(self.write_end)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def pump(self, seconds):
        """Takes what comes within that time; returns at the first message."""
        ready, _, _ = select.select([self.read_end], [], [], max(0, seconds))
        if not ready:
            return
        got = os.read(self.read_end, 1 << 16)
        if not got:
            raise Failed("the browser has ended")
        *whole, self.rest = (self.rest + got).split(b"\0")
        for text in whole:
            message = json.loads(text)
            if "id" in message:
                self.answers[message["id"]] = message
            else:
                self.events.append(message)

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        number = self.number
        while number not in self.answers:
            if time.monotonic() > end:
                raise Failed(f"{method}: no answer")
            self.pump(end - time.monotonic())
        answer = self.answers.pop(number)
        if "error" in answer:
            raise Failed(f"{method}: {answer['error']}")
        return answer["result"]

    def page(self, width=1280, height=900, dark=False, reduced=False):
        return Page(self, width, height, dark, reduced)


class Page:
    """A page in a context of its own: no cookie and no storage of others."""

    def __init__(self, browser, width, height, dark, reduced):
        self.browser = browser
        context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.target = target
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.look(width, height, dark, reduced)

    def look(self, width, height, dark, reduced=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if reduced else "no-preference"}])

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'", "the page is loaded")

    def run(self, expression):
        """Value of a JavaScript expression; a promise is awaited."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise Failed(f"{expression[:200]}: {result['exceptionDetails'].get('exception', {}).get('description', result)}")
        return result["result"].get("value")

    def until(self, expression, what, seconds=PATIENCE):
        """Waits until the expression holds; its value."""
        end = time.monotonic() + seconds
        while True:
            value = self.run(f"(() => {{ try {{ return {expression}; }} catch {{ return null; }} }})()")
            if value:
                return value
            if time.monotonic() > end:
                text = self.run("document.body ? document.body.innerText.slice(0, 1500) : ''")
                raise Failed(f"never happened: {what}\n{text}")
            self.browser.pump(0.05)

    def key(self, name, text=None, modifiers=0):
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35}
        text = {"Enter": "\r", " ": " "}.get(name, text)
        event = {"key": name, "code": "Space" if name == " " else name, "windowsVirtualKeyCode": codes.get(name, 0), "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **({"text": text} if text else {}), **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def picture(self, path, full=False):
        options = {}
        if full:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            options = {"captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}
        data = self.call("Page.captureScreenshot", format="png", **options)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def seen(self, method):
        return [event["params"] for event in self.browser.events if event.get("sessionId") == self.session and event["method"] == method]

    def troubles(self):
        """Errors and warnings of the console, exceptions, what a policy refused."""
        found = [entry["entry"]["text"] for entry in self.seen("Log.entryAdded") if entry["entry"]["level"] in ("error", "warning")]
        found += [str(call["args"]) for call in self.seen("Runtime.consoleAPICalled") if call["type"] in ("error", "warning", "assert")]
        found += [str(thrown["exceptionDetails"]) for thrown in self.seen("Runtime.exceptionThrown")]
        return found

    def requests(self):
        return [event["request"]["url"] for event in self.seen("Network.requestWillBeSent")]

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
