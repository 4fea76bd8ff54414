"""How blocks are found and run, on pages that are made for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import blocks
from tests.docs.session import Failed, Ran, Session, differences

PAGE = """# A page

<!-- docs-test: setup
export SEEN=yes
-->
Some text with `code`.

1. A list:

   <!-- docs-test: file a.py -->
   ```python
   print(1)
   ```

<!-- docs-test: skip it needs a moon -->

```console
rocket
```

```console
$ python a.py
1
```
"""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = Session(tmp_path, os.environ["PATH"])
    yield session
    session.close()


def test_comments_belong_to_the_next_block(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    found, reason = blocks.of_page(page)
    assert reason == ""
    assert [(one.language, one.mark, one.argument, one.line) for one in found] == [
        ("setup", "setup", "export SEEN=yes", 3),
        ("python", "file", "a.py", 11),
        ("console", "skip", "it needs a moon", 17),
        ("console", "", "", 21),
    ]
    assert found[1].text == "print(1)\n"


def test_text_between_a_comment_and_a_block_parts_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- docs-test: skip why -->\n\nText.\n\n```console\ntrue\n```\n")
    assert [one.mark for one in blocks.of_page(page)[0]] == [""]


@pytest.mark.parametrize("comment", ["skip", "ignore why", "file"])
def test_a_comment_without_a_reason_or_with_another_word_is_an_error(tmp_path: Path, comment: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"<!-- docs-test: {comment} -->\n```console\ntrue\n```\n")
    with pytest.raises(blocks.MarkInvalid, match=r"page\.md:1"):
        blocks.of_page(page)


def test_a_whole_page_can_say_why_it_is_not_run(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- docs-test: skip-page it costs money -->\n\n```console\ntrue\n```\n")
    assert blocks.of_page(page)[1] == "it costs money"


def test_variables_and_the_folder_stay_from_block_to_block(session: Session) -> None:
    session.shell("export WORD='two words'\nmkdir a && cd a")
    [ran] = session.shell('echo "$WORD in ${PWD##*/}"')
    assert ran.printed == ["two words in a"]


def test_lines_without_a_prompt_are_what_the_command_before_prints(session: Session) -> None:
    first, second = session.shell("$ echo one; \\\n  echo two\none\ntwo\n$ echo three\nfour\n")
    assert differences(first) == ""
    assert "printed:\nthree\ninstead of:\nfour" in differences(second)


def test_an_ellipsis_stands_for_any_text() -> None:
    assert differences(Ran("x", ["id 7 of 9"], ["id … of 9"])) == ""
    assert differences(Ran("x", ["id 7 of 8"], ["id … of 9"]))


def test_ids_times_and_sizes_may_differ() -> None:
    shown = "2026-11-26 09:12:51Z d58e094c-53a5-4e82-9a11-164cd2aa4213 1,024 bytes"
    printed = "2027-01-01 10:00:00Z 11111111-53a5-4e82-9a11-164cd2aa4213 7 bytes"
    assert differences(Ran("x", [printed], [shown])) == ""
    assert differences(Ran("x", [printed.replace("7 bytes", "7 messages")], [shown]))


def test_a_block_can_say_with_which_code_its_last_command_ends(session: Session) -> None:
    [first, last] = session.shell("$ echo one\none\n$ echo two; exit 3\ntwo\n", code=3)
    assert differences(first) == differences(last) == ""
    with pytest.raises(Failed, match="ended with 0"):
        session.shell("true", code=3)


def test_a_command_that_fails_fails_its_block(session: Session) -> None:
    with pytest.raises(Failed, match="ended with 1"):
        session.shell("false\ntrue")


def test_ports_and_folders_are_those_of_the_session(session: Session, tmp_path: Path) -> None:
    replaced = session.replaced("--port 9324 --data-dir /srv/main 19324 /srv-old http://localhost:4566/x")
    assert "/srv-old" in replaced
    assert f"={tmp_path}/root/var/lib/sqs-facade:" in session.replaced("a=/var/lib/sqs-facade:")
    assert "19324" in replaced
    assert " 9324 " not in replaced
    assert ":4566" not in replaced
    assert f"{tmp_path}/root/srv/main" in replaced
