"""Headless Chromium on the page, and what a person does there."""

import contextlib
import json
import os
import pathlib
import shutil
import tempfile
import time
import unittest

from mock_server import MockServer
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

PICTURES = pathlib.Path(os.environ.get("PICTURES", tempfile.gettempdir()))


def start_browser(language="en", width=1280, height=900, arguments=()):
    options = webdriver.ChromeOptions()
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        f"--lang={language}",
        f"--window-size={width},{height}",
        *arguments,
    ):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    return webdriver.Chrome(options=options, service=service)


def set_width(driver, width, height=900):
    """Narrower than a window can be: by the emulation of devices."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )


def until(test, what="the page", seconds=10):
    """Waits for a value that is true and gives it."""
    last = time.monotonic() + seconds
    while True:
        with contextlib.suppress(Exception):
            found = test()
            if found:
                return found
        if time.monotonic() > last:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.03)


class PageTest(unittest.TestCase):
    """A browser for each class of tests; a server and an empty storage for each test."""

    language = "en"
    key = None

    @classmethod
    def setUpClass(cls):
        cls.driver = start_browser(cls.language)

    @classmethod
    def tearDownClass(cls):
        cls.driver.quit()

    def setUp(self):
        self.server = MockServer(key=self.key).start()
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.requests()
        self.open()

    def tearDown(self):
        faults = [entry["message"] for entry in self.driver.get_log("browser") if self.is_fault(entry["message"])]
        self.server.shutdown()
        self.server.server_close()
        self.assertEqual(faults, [], "the console is silent")

    def is_fault(self, message):
        """What the browser itself says of answers that are errors is none."""
        return "Failed to load resource" not in message and "net::ERR" not in message

    def open(self, wait=True):
        self.driver.get(self.server.url)
        if wait:
            until(lambda: "gpt-oss" in self.one("#model").text, "the model's name")

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector):
        return [element.text for element in self.all(selector)]

    def run_js(self, script, *values):
        return self.driver.execute_script(script, *values)

    def press(self, name, inside="body"):
        """Clicks the last button that reads `name`."""
        found = [b for b in self.all(f"{inside} button") if b.text == name and b.is_displayed()]
        self.assertTrue(found, f"a button {name}")
        found[-1].click()

    def idle(self):
        return until(lambda: self.one("#send").is_displayed(), "the end of the answer", 20)

    def send(self, text, wait=True):
        self.one("#draft").send_keys(text, Keys.ENTER)
        if wait:
            until(lambda: self.all("article.assistant"))
            self.idle()

    def stored(self):
        """The conversations that the browser keeps."""
        return self.run_js(
            "return Object.entries(localStorage).filter(([k]) => k.startsWith('mxpath.conversation.'))"
            ".map(([, v]) => JSON.parse(v))"
        )

    def settings(self, **values):
        self.one("#open-settings").click()
        for name, value in values.items():
            field = self.one(f"#s-{name}")
            if field.tag_name == "select":
                field.find_element(By.CSS_SELECTOR, f'option[value="{value}"]').click()
            else:
                field.clear()
                field.send_keys(value)
        self.press("Save", "dialog")

    def requests(self):
        """Addresses that the browser asked for since the last call."""
        entries = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [
            entry["params"]["request"]["url"] for entry in entries if entry["method"] == "Network.requestWillBeSent"
        ]

    def picture(self, name):
        self.driver.save_screenshot(str(PICTURES / f"{name}.png"))
