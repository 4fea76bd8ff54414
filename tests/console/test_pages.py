"""The pages of the console: files with the headers that keep a browser from everything else, and who gets them."""

from __future__ import annotations

import re

import pytest
from werkzeug.test import Client, TestResponse

from sqs_facade.wsgi import create_app
from tests.console.conftest import LOCAL, Browser, Sited
from zaqar_core.configuration.settings import Settings


def page(browser: Browser, path: str = "/console/", **headers: str) -> TestResponse:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return browser.http.get(path, base_url=browser.url, headers=given, environ_overrides=browser.seen)


def test_the_page_names_only_files_of_the_service_that_exist(local: Browser) -> None:
    found = page(local)
    assert found.status_code == 200
    files = re.findall(r'(?:src|href)="([^"]+)"', found.text)
    assert len(files) > 4
    for file in files:
        answer = page(local, f"/console/{file}")
        assert answer.status_code == 200, file
        assert "immutable" in answer.headers["Cache-Control"]
        for imported in re.findall(r'from "\./([^"]+)"', answer.text):
            assert page(local, f"/console/{file.rpartition('/')[0]}/{imported}").status_code == 200, imported


def test_the_page_has_no_inline_script_or_style(local: Browser) -> None:
    text = page(local).text
    assert re.findall(r"<script(?![^>]* src=)|<style|style=|\bon[a-z]+=|javascript:", text) == []


@pytest.mark.parametrize("path", ["/console/", "/console/api/session", "/console/nothing", "/console"])
def test_each_response_has_the_headers_that_restrict_the_browser(local: Browser, path: str) -> None:
    headers = page(local, path).headers
    directives = headers["Content-Security-Policy"].split("; ")
    assert directives[:8] == [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:",
        "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
    ]  # fmt: skip
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_a_browser_that_has_the_page_gets_no_other(local: Browser) -> None:
    tag = page(local).headers["ETag"]
    assert page(local, If_None_Match=tag).status_code == 304
    assert page(local, If_None_Match='"other"').status_code == 200


def test_the_console_without_a_slash_leads_to_the_one_with_a_slash(local: Browser) -> None:
    answer = page(local, "/console")
    assert (answer.status_code, answer.headers["Location"]) == (307, "console/")


@pytest.mark.parametrize("path", ["assets/x/main.js", "assets/../face.py", "assets/%2e%2e/face.py", "index.html", "x"])
def test_other_paths_do_not_exist(local: Browser, path: str) -> None:
    assert page(local, f"/console/{path}").status_code == 404


def test_a_link_in_another_site_opens_the_page_but_calls_nothing(local: Browser) -> None:
    linked = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert page(local, **linked).status_code == 200
    assert page(local, "/console/api/session", **linked).status_code == 403
    assert page(local, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status_code == 403


FROM_AFAR = [
    {"SERVER_NAME": "0.0.0.0"},
    {"SERVER_NAME": "192.0.2.1"},
    {"REMOTE_ADDR": "192.0.2.7"},
    {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
    {"HTTP_FORWARDED": "for=127.0.0.1"},
    {"HTTP_VIA": "1.1 proxy"},
    {"HTTP_HOST": "rebound.example.org"},
]


@pytest.mark.parametrize("seen", FROM_AFAR, ids=str)
def test_without_credentials_only_this_machine_gets_the_console(local: Browser, seen: dict[str, str]) -> None:
    local.seen |= seen
    shown = page(local)
    assert shown.status_code == 403
    if "HTTP_HOST" not in seen:
        assert "Set credentials_file" in shown.text
    assert local.call("session").status_code == 403
    assert local.call("CreateQueue", {"QueueName": "q"}).status_code == 403


FOREIGN = [
    {"Origin": "https://pages.example.org"},
    {"Origin": "null"},
    {"Origin": "http://localhost:9325"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "none"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_foreign_pages_cannot_use_the_api_not_even_those_of_allowed_origins(
    local: Browser, headers: dict[str, str]
) -> None:
    answer = local.request("POST", "CreateQueue", {"QueueName": "q"}, **headers)
    assert answer.status_code == 403
    assert local.request("GET", "queues", **headers).status_code == 403
    assert local.done("queues")["total"] == 0


def test_the_setting_console_turns_it_off(valkey: str) -> None:
    app = create_app(Settings(redis=valkey, durability="memory", console="off"))
    http = Client(app.wsgi_app, TestResponse)
    seen = {"SERVER_NAME": "127.0.0.1", "REMOTE_ADDR": "127.0.0.1"}
    assert http.get("/console/", base_url=LOCAL, environ_overrides=seen).status_code == 404
    front = http.get("/", base_url=LOCAL, environ_overrides=seen, headers={"Accept": "text/html"})
    assert "/console" not in front.text


def test_the_front_page_leads_to_the_console(local: Browser, guarded_site: Sited) -> None:
    assert f'<a href="{LOCAL}/console/">' in page(local, "/", Accept="text/html").text
    guarded = guarded_site.http().get("/", base_url="https://queues.example.org", headers={"Accept": "text/html"})
    assert '<a href="console/">' in guarded.text
