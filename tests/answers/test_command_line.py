"""What a user sees who runs the real command: in a terminal, with a configuration file, or with a replay file."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.answers.baking import DEFAULTS, SENTENCE, assert_unchanged
from tests.answers.nasties import TEXTS
from tests.template import CONTEXT, TEMPLATE
from tests.template import run as run_program

QUESTIONS_WITH_CHOICES = sum(
    isinstance(choices, list) for question, choices in CONTEXT.items() if not question.startswith("_")
)
NASTY = {
    "project_name": TEXTS["Jinja expression"],
    "project_slug": "my_service",
    "description": TEXTS["Jinja code"],
    "author_name": TEXTS["quotes and backslash"],
    "author_email": "{{7*7}}@example.com",
}


def run(
    arguments: list[str], output: Path, typed: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Cookiecutter as a process of its own, in the output folder."""
    command = [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--config-file", os.environ["COOKIECUTTER_CONFIG"]]
    env = {"PYTHONUTF8": "1", **(environment or {})}
    return run_program(*command, *arguments, cwd=output, env=env, check=False, typed=typed)


def configuration(output: Path, context: str) -> Path:
    """Write a user's configuration, with the text of its defaults, beside the output folder."""
    config = output.parent / "config.yaml"
    text = f"replay_dir: {json.dumps(str(output.parent / 'replay'))}\ndefault_context: {context}\n"
    config.write_text(text, encoding="utf-8")
    return config


@pytest.mark.parametrize("slug", ["class", "../x", "/x/y", "", "a" * 300])
def test_the_first_line_of_standard_error_is_the_sentence(slug: str, output: Path) -> None:
    """The user reads first what is wrong and what to do, the exit code is not zero, the folder stays empty."""
    done = run(["--no-input", f"project_slug={slug}"], output)
    sentence = SENTENCE.fullmatch(done.stderr.splitlines()[0])
    assert sentence
    assert sentence["question"] == "project_slug"
    assert done.returncode == 1
    assert list(output.iterdir()) == []
    assert list(output.parent.iterdir()) == [output]


def test_a_refusal_prints_the_command_with_the_other_answers(output: Path) -> None:
    """Nothing is answered twice: the command after a refusal has every answer that was not refused."""
    given = ['author_name=O\'Brien & "Co" $HOME', "database_backend=postgresql", "license=Proprietary"]
    done = run(["--no-input", "author_email=nonsense", *given], output)
    [command] = [line for line in done.stdout.splitlines() if line.startswith("    cookiecutter ")]
    program, template, *answers = shlex.split(command)
    assert (program, template) == ("cookiecutter", str(TEMPLATE))
    assert set(given) < set(answers)
    assert not any(answer.startswith("author_email=") for answer in answers)
    assert run(["--no-input", *answers], output).returncode == 0
    assert (output / "my_service" / "LICENSE").read_text().startswith('Copyright (c) O\'Brien & "Co" $HOME\n')
    assert (output / "my_service" / "compose.yaml").exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_console_that_cannot_show_the_answer_does_not_matter(encoding: str, output: Path) -> None:
    """With LANG=C or on an old Windows console a project still renders, and a refusal still says why."""
    environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}
    # The answers come from a file: a process cannot be given them on its command line under every locale.
    context = {"project_name": "日本語 🎉", "author_email": "日本"}
    config = configuration(output, json.dumps(context, ensure_ascii=False))
    done = run(["--no-input", "--config-file", str(config)], output, environment=environment)
    assert done.stderr.startswith("author_email: ")
    assert list(output.iterdir()) == []
    done = run(["--no-input", "--config-file", str(config), "author_email="], output, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert_unchanged(output / "ri_ben_yu", context | {"author_email": ""})


def test_typed_answers_are_taken_literally(output: Path) -> None:
    """What is typed at the prompt is never run as Jinja, and comes back unchanged."""
    done = run([], output, typed="\n".join([*NASTY.values(), *["1"] * QUESTIONS_WITH_CHOICES, ""]))
    assert done.returncode == 0, done.stderr
    assert_unchanged(output / "my_service", NASTY)


def test_every_choice_is_explained_at_the_prompt(output: Path) -> None:
    """The prompt tells in a line what each choice means, and takes a space for an empty answer."""
    done = run([], output, typed="\n\n \n\n \n" + "\n" * QUESTIONS_WITH_CHOICES)
    assert done.returncode == 0, done.stderr
    assert "SQLite      | one file, no server to run" in done.stdout
    assert_unchanged(output / "my_service", {"description": "", "author_email": ""})


def test_a_replay_repeats_typed_answers(output: Path) -> None:
    """With `--replay`, the last answers render the same project again, and a refused one is refused again."""
    run([], output, typed="\n".join([*NASTY.values(), *["1"] * QUESTIONS_WITH_CHOICES, ""]))
    again = output / "again"
    again.mkdir()
    assert run(["--replay"], again).returncode == 0
    assert_unchanged(again / "my_service", NASTY)

    run(["--no-input", "project_slug=../x"], again)
    done = run(["--replay"], output)
    assert done.stderr.startswith("project_slug: '../x' ")
    assert {path.name for path in output.iterdir()} == {"again", "my_service"}


@pytest.mark.parametrize("kept", ["questions alone", "all"])
def test_a_replay_written_by_hand_is_checked(kept: str, output: Path) -> None:
    """A replay file that somebody edited is judged as any answers are: also its choices, which Cookiecutter trusts."""
    replay = output.parent / "mine.json"
    answers = DEFAULTS | {"database_backend": "db2", "web_framework": "none", "ci_provider": "none", "license": "MIT"}
    answers["session_style"] = "sync"
    answers["project_slug"] = "class"
    if kept == "all":
        answers["__answered_slug"] = "class"
    replay.write_text(json.dumps({"cookiecutter": answers}))
    done = run(["--replay-file", str(replay)], output)
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["project_slug", "database_backend"]
    assert list(output.iterdir()) == []


def test_a_user_configuration_gives_defaults(output: Path) -> None:
    """Defaults of a user's own configuration are judged as answers are; YAML's own values are not text."""
    config = configuration(output, "\n  author_name: 'O''Brien \"the\\boss\"'")
    assert run(["--no-input", "--config-file", str(config)], output).returncode == 0
    assert_unchanged(output / "my_service", {"author_name": TEXTS["quotes and backslash"]})

    config = configuration(output, "\n  project_name: yes\n  author_name: ~\n  description: no")
    done = run(["--no-input", "--config-file", str(config), "-o", "other"], output)
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "project_name",
        "description",
        "author_name",
    ]
    assert not any((output / "other").glob("*"))


def test_an_unknown_choice_in_a_user_configuration_costs_the_others(output: Path) -> None:
    """Known and documented: Cookiecutter only warns, and no hook can see which defaults it has left out."""
    config = configuration(output, "\n  database_backend: db2\n  license: Proprietary")
    done = run(["--no-input", "--config-file", str(config)], output)
    assert done.returncode == 0
    assert "db2 provided for choice variable database_backend" in done.stdout + done.stderr
    assert "MIT" in (output / "my_service" / "pyproject.toml").read_text(encoding="utf-8")


def test_given_answers_are_rendered_by_cookiecutter(output: Path) -> None:
    """Known and documented: a value given as key=value is a Jinja template, which no template can prevent."""
    run(["--no-input", "description={{ 7*7 }}"], output)
    assert_unchanged(output / "my_service", {"description": "49"})


@pytest.mark.parametrize(
    ("given", "last_line"),
    [
        ("description={{", "jinja2.exceptions.TemplateSyntaxError: "),
        ("description={% if %}", "jinja2.exceptions.TemplateSyntaxError: "),
        ("description={{ nobody }}", "Error message: 'nobody' is undefined"),
        (
            "database_backend=db2",
            "ValueError: db2 provided for choice variable database_backend, but the choices are ['sqlite', ",
        ),
    ],
)
def test_cookiecutters_own_refusals_leave_nothing(given: str, last_line: str, output: Path) -> None:
    """Known and documented: Cookiecutter refuses these itself, before any hook, and makes nothing."""
    done = run(["--no-input", given], output)
    assert done.returncode == 1
    assert any(line.startswith(last_line) for line in (done.stderr + done.stdout).splitlines())
    assert list(output.iterdir()) == []
