"""Nothing can be chosen that no test looks at: the matrix of the tests is that of `cookiecutter.json`."""

import copy
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import pytest

from tests import test_offline, test_renders
from tests.live import test_services
from tests.template import BACKENDS, CONTEXT

MODULES = (test_renders, test_services, test_offline)
QUESTIONS = {"backend": "database_backend", "style": "session_style", "provider": "ci_provider", "license_": "license"}
Answers = dict[str, str]


def parametrized(test: Callable[..., None]) -> Iterator[Answers]:
    """Yield the answers that a test is run with, those of one mark of it at a time."""
    for mark in getattr(test, "pytestmark", []):
        if mark.name != "parametrize":
            continue
        names = mark.args[0] if isinstance(mark.args[0], (tuple, list)) else [mark.args[0]]
        for case in mark.args[1]:
            values = getattr(case, "values", case) if not isinstance(case, dict) else (case,)
            values = values if isinstance(values, (tuple, list)) else (values,)
            answers: Answers = {}
            for name, value in zip(names, values, strict=True):
                answers |= value if isinstance(value, dict) else {QUESTIONS.get(name, name): value}
            yield answers


def all_parametrized() -> list[Answers]:
    """Return the answers that the tests of all modules are run with."""
    tests = [test for module in MODULES for name, test in vars(module).items() if name.startswith("test_")]
    return [answers for test in tests for answers in parametrized(test)]


def uncovered(context: Mapping[str, Any], proofs: Mapping[str, str] | None = None) -> list[str]:
    """Return a sentence for each choice of a table that no test is run with."""
    tested = all_parametrized()
    proofs = {backend: row["proof"] for backend, row in BACKENDS.items()} | dict(proofs or {})
    sentences = [
        f"{question}: no test chooses {choice!r}"
        for question, choices in context.items()
        if isinstance(choices, list) and not question.startswith("_")
        for choice in choices
        if not any(answers.get(question) == choice for answers in tested)
    ]
    for backend, style in product(context["database_backend"], context["session_style"]):
        proof = proofs.get(backend, "server")
        test = (
            test_services.test_service_works if proof == "server" else test_offline.test_what_needs_no_server_is_proven
        )
        cell = {"database_backend": backend, "session_style": style}
        if cell not in parametrized(test):
            sentences.append(f"{backend}, {style}: not run by {test.__name__}")
    return sentences


def test_every_choice_is_covered() -> None:
    """Each choice is rendered, each database runs in each style on a server, or is proven as far as without one."""
    assert uncovered(CONTEXT) == []


@pytest.mark.parametrize("question", [name for name, each in CONTEXT.items() if isinstance(each, list)])
def test_a_forgotten_choice_is_noticed(question: str) -> None:
    """Who offers another answer to a question, and has no test run with it, is told so."""
    context = copy.deepcopy(CONTEXT)
    context[question].append("made_up")
    assert f"{question}: no test chooses 'made_up'" in uncovered(context)


def test_a_forgotten_question_is_noticed() -> None:
    """Who asks for more, and has no test answer it, is told so."""
    assert uncovered({**CONTEXT, "made_up": ["yes", "no"]}) == [
        "made_up: no test chooses 'yes'",
        "made_up: no test chooses 'no'",
    ]


@pytest.mark.parametrize("proof", ["server", "offline"])
def test_a_forgotten_cell_is_noticed(proof: str) -> None:
    """A database or a style that no live test and no offline proof runs is named."""
    context = copy.deepcopy(CONTEXT)
    context["database_backend"].append("made_up")
    context["session_style"].append("threads")
    sentences = uncovered(context, {"made_up": proof})
    test = {"server": "test_service_works", "offline": "test_what_needs_no_server_is_proven"}[proof]
    for style in context["session_style"]:
        assert f"made_up, {style}: not run by {test}" in sentences
    assert "postgresql, threads: not run by test_service_works" in sentences
    assert "oracle, threads: not run by test_what_needs_no_server_is_proven" in sentences
