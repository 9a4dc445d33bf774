"""Texts are in plain words, and a spelling error does not reach a reader."""

from pathlib import Path

import pytest

from scripts import words
from tests.template import run

# A sentence for each pattern of the list.
BAD = [
    "It mends the URL.",
    "An unfit value",
    "The file is made anew.",
    "A Crowd is served.",
    "It was told to come back.",
    "The password comes apart from the URL.",
    "It waits patiently.",
    "a leaver and a stayer",
    "the clients who send slowly",
    "whoever asks",
    "lest it fails",
    "The server stands still.",
    "the eighth row",
    "the front door",
    "It cannot but fail.",
    "It fails without a word.",
    "whence it came",
]


@pytest.mark.parametrize(("sentence", "better"), [*zip(BAD, words.WORDS.values(), strict=True)])
def test_a_word_to_avoid_is_found(sentence: str, better: str) -> None:
    """Each word of the list is found where it stands, with what to write instead."""
    found = list(words.findings("page.md", f"Good.\n{sentence}\n"))
    assert found
    assert all(line.startswith("page.md:2: ") and " write " in line for line in found)
    assert found[0].endswith(better)


def test_parts_of_other_words_are_left_alone() -> None:
    """A word inside another, or in a name, is no finding."""
    assert not list(words.findings("a.py", "amendment, recommend, crowded, test_crowds, low-mend, night, often"))


def test_a_spelling_error_is_found(tmp_path: Path) -> None:
    """`typos`, which `make lint` runs for the whole template, fails for a text with an error."""
    (tmp_path / "page.md").write_text("The server".replace("he", "eh"), encoding="utf-8")
    assert run("typos", cwd=tmp_path, check=False).returncode
