"""Bake a project from answers taken as they are, and judge what came out."""

import logging
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cookiecutter.exceptions import FailedHookException
from cookiecutter.main import cookiecutter
from markdown_it import MarkdownIt

from tests.template import CONTEXT, TEMPLATE

TEXTS = ("project_name", "description", "author_name", "author_email")
DEFAULTS = {question: str(CONTEXT[question]) for question in TEXTS} | {"project_slug": "my_service"}
HEADINGS = [
    "Start it, test it",
    "Where things are",
    "The models",
    "Change the schema",
    "Add a model",
    "Remove the samples",
    "Use the database",
    "In production",
    "Extend the API",
    "Limit the load",
    "See what it does",
    "Commands",
    "Update it",
    "Move to another database",
    "Configuration",
]
# Of a sentence: the question, what is wrong (with the answer quoted), and after the last semicolon the fix.
SENTENCE = re.compile(r"(?P<question>[a-z_]+): (?P<fault>.+); (?P<fix>(?:give|use|remove|put|choose) .+)\.")


@dataclass(frozen=True)
class Outcome:
    """What a user has after a run: a project or sentences, and what lies in the output folder."""

    project: Path | None
    sentences: list[str]
    left: list[str]


def literal(answer: str) -> str:
    """Write an answer such that Cookiecutter, which renders every given value with Jinja, gets the answer itself."""
    return "{{ " + ascii(answer) + " }}"


@contextmanager
def standard_error() -> Iterator[IO[bytes]]:
    """Catch what this process and the hooks, which are processes of their own, write to standard error."""
    with tempfile.TemporaryFile() as caught:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield caught
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def bake(answers: Mapping[str, str], output: Path, *, template: Path = TEMPLATE, **options: Any) -> Outcome:
    """Answer the questions, with the defaults for the others; only a failing hook counts as a refusal."""
    # Cookiecutter logs a traceback after each refusal; the tests look at the hook's own words.
    logging.getLogger("cookiecutter").setLevel(logging.CRITICAL + 1)
    project = None
    with standard_error() as caught:
        try:
            given = {key: literal(answer) if key in DEFAULTS else answer for key, answer in answers.items()}
            project = cookiecutter(
                str(template),
                no_input=True,
                extra_context=given,
                output_dir=str(output),
                config_file=os.environ["COOKIECUTTER_CONFIG"],
                **options,
            )
        except FailedHookException:
            pass
        caught.seek(0)
        sentences = caught.read().decode("utf-8", "backslashreplace").splitlines()
    left = sorted(str(path.relative_to(output)) for path in output.iterdir())
    return Outcome(Path(project) if project else None, sentences, left)


def assert_refused(outcome: Outcome, *questions: str) -> None:
    """Check that each named question got its sentence, no other did, and nothing lies on disk."""
    assert outcome.project is None, "rendered although it should be refused"
    assert outcome.left == []
    told = [SENTENCE.fullmatch(sentence) for sentence in outcome.sentences]
    assert all(told), outcome.sentences
    assert sorted({match["question"] for match in told if match}) == sorted(questions), outcome.sentences
    assert all(sentence.isprintable() and len(sentence) < 300 for sentence in outcome.sentences)


def markdown_texts(text: str) -> tuple[list[str], str]:
    """Return the plain text of every heading, and of the paragraph below the first."""

    def plain(index: int) -> str:
        children = tokens[index].children or []
        assert all(child.type in {"text", "text_special"} for child in children), "text became markup"
        return "".join(child.content for child in children)

    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    headings = [plain(i + 1) for i, token in enumerate(tokens) if token.type == "heading_open"]
    after = tokens[3].type == "paragraph_open"
    return headings, plain(4) if after else ""


def assert_unchanged(project: Path, answers: Mapping[str, str]) -> None:
    """Check that every file that free text reaches parses, and says what was answered."""
    wanted = DEFAULTS | dict(answers)
    read = {path.name: path.read_bytes().decode() for path in project.glob("*") if path.is_file()}

    metadata = tomllib.loads(read["pyproject.toml"])["project"]
    author = {"name": wanted["author_name"]} | ({"email": e} if (e := wanted["author_email"]) else {})
    assert metadata["description"] == wanted["description"]
    assert metadata["authors"] == [author]
    assert metadata["name"] == project.name

    assert f"\nCopyright (c) {wanted['author_name']}\n" in read["LICENSE"]
    headings, paragraph = markdown_texts(read["README.md"])
    assert headings[0] == wanted["project_name"]
    assert headings[1:] == HEADINGS
    assert paragraph == wanted["description"]
