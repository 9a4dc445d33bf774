"""The tables of hostile answers, one bake each."""

from pathlib import Path

import pytest
from cookiecutter.exceptions import OutputDirExistsException
from pytest_cookies.plugin import Cookies

from tests.answers.baking import DEFAULTS, SENTENCE, Outcome, assert_refused, assert_unchanged, bake
from tests.answers.nasties import BROKEN_EMAILS, BROKEN_SLUGS, BROKEN_TEXTS, EMAILS, SLUGS, TEXTS
from tests.answers.test_hooks import faults

QUESTIONS = ("project_name", "description", "author_name")
TAKEN: dict[str, dict[str, str]] = {
    **{name: dict.fromkeys(QUESTIONS, text) for name, text in TEXTS.items()},
    **{f"address {email}": {"author_email": email} for email in EMAILS},
    **{f"slug {slug}": {"project_slug": slug} for slug in SLUGS},
    "no description": {"description": ""},
}
REFUSED: dict[str, dict[str, str]] = {
    **{name: dict.fromkeys((*QUESTIONS, "author_email"), text) for name, text in BROKEN_TEXTS.items()},
    **{f"address {email}": {"author_email": email} for email in BROKEN_EMAILS},
    # A heading and a licence need a name that shows something.
    **{f"{name} {text!a}": {name: text} for name in QUESTIONS[::2] for text in ("", "\u200d", "\u200b\u00ad\u2060")},
}


@pytest.mark.parametrize("answers", TAKEN.values(), ids=TAKEN)
def test_what_can_work_comes_back_unchanged(answers: dict[str, str], output: Path, free_text_template: Path) -> None:
    """Any printable text in any script, any address or none, and any plain identifier: the files parse and say it."""
    slug = answers.get("project_slug", "my_service")
    outcome = bake(answers | {"project_slug": slug}, output, template=free_text_template)
    assert outcome.left == [slug], outcome.sentences
    assert_unchanged(output / slug, answers)


@pytest.mark.parametrize("answers", REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_is_refused(answers: dict[str, str], output: Path) -> None:
    """Text that would break a file, or read other than it is, gets a sentence for each question, and so does no name.

    An address that would stop the build of the package is refused before there is one.
    """
    assert_refused(bake(answers | {"project_slug": "my_service"}, output), *answers)


@pytest.mark.parametrize("slug", BROKEN_SLUGS.values(), ids=BROKEN_SLUGS)
def test_a_slug_that_cannot_work_is_refused_with_one_that_does(slug: str, tmp_path: Path) -> None:
    """A slug that cannot work is refused, nothing is made in or beside the output folder, and the fix works."""
    output = tmp_path / "deep" / "output"
    output.mkdir(parents=True)
    outcome = bake({"project_slug": slug}, output)
    assert_refused(outcome, "project_slug")
    assert [path.name for path in tmp_path.rglob("*")] == ["deep", "output"]
    assert faults(project_slug=outcome.sentences[0].rpartition("project_slug=")[2].removesuffix(".")) == []


@pytest.mark.parametrize("name", ["!!!", "🎉", "---", "\uf8ff"])
def test_a_name_without_letters_asks_for_a_slug(name: str, output: Path) -> None:
    """When no slug can be made of the name, the sentence says to give one, and giving one is enough."""
    outcome = bake({"project_name": name}, output)
    assert_refused(outcome, "project_slug")
    assert "project_slug=my_service" in outcome.sentences[0]
    assert bake({"project_name": name, "project_slug": "my_service"}, output).left == ["my_service"]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("My Service", "my_service"),
        ("日本語", "ri_ben_yu"),
        ("Straße", "strasse"),
        ("../x", "x"),
        ("O'Brien & Söhne", "o_brien_sohne"),
        ("long " * 90 + "name", ("long_" * 12)[:49]),
    ],
)
def test_the_slug_follows_the_name(name: str, slug: str, output: Path) -> None:
    """The slug proposed for a name is lower case, of letters and underscores, at most 50 long, and works."""
    assert bake({"project_name": name}, output).left == [slug]


def test_all_faults_are_told_at_once(output: Path) -> None:
    """A user who made five mistakes reads five sentences, in the order of the questions, not one at a time."""
    wrong = {
        "project_name": "",
        "project_slug": "class",
        "description": "a\nb" + "x" * 500,
        "author_name": "\x1b",
        "author_email": "?",
    }
    outcome = bake(wrong, output)
    assert_refused(outcome, *wrong)
    told = [match["question"] for sentence in outcome.sentences if (match := SENTENCE.fullmatch(sentence))]
    assert told == ["project_name", "project_slug", "description", "description", "author_name", "author_email"]


def test_other_content_of_the_output_folder_stays(output: Path) -> None:
    """A refusal leaves the files that were there before, also a folder of the very name that was asked for."""
    (output / "class").mkdir()
    (output / "class" / "notes.txt").write_text("mine")
    outcome = bake({"project_slug": "class"}, output, overwrite_if_exists=True)
    assert outcome == Outcome(None, outcome.sentences, ["class"])
    assert (output / "class" / "notes.txt").read_text() == "mine"
    assert [path.name for path in (output / "class").iterdir()] == ["notes.txt"]


def test_overwriting_loses_edits_and_removes_nothing(output: Path) -> None:
    """`--overwrite-if-exists` does what docs/answers.md says: files of the render are new, all others stay.

    `--skip-if-file-exists` keeps what was edited; without an option, an existing folder is left alone.
    """
    project = bake({"project_slug": "my_service"}, output).project
    assert project
    settings, own = project / "packages/config/settings.py", project / "packages/api/mine.py"
    rendered = settings.read_text(encoding="utf-8")
    settings.write_text(f"{rendered}# mine\n", encoding="utf-8")
    own.touch()
    answers = {"project_slug": "my_service", "web_framework": "none", "ci_provider": "gitlab"}
    with pytest.raises(OutputDirExistsException):
        bake(answers, output)
    assert not (project / ".gitlab-ci.yml").exists()
    assert bake(answers, output, overwrite_if_exists=True, skip_if_file_exists=True).project
    assert settings.read_text(encoding="utf-8").endswith("# mine\n")
    assert bake(answers, output, overwrite_if_exists=True).project
    assert "# mine" not in settings.read_text(encoding="utf-8")
    left = [own, project / "packages/api/app.py", project / ".github/workflows/ci.yml", project / ".gitlab-ci.yml"]
    assert [path for path in left if not path.exists()] == []


def test_the_defaults_work(cookies: Cookies) -> None:
    """Without a single answer there is a project, through pytest-cookies as a template's users test theirs."""
    result = cookies.bake()
    assert result.exit_code == 0
    assert result.project_path.name == DEFAULTS["project_slug"]
    assert_unchanged(result.project_path, {})


def test_pytest_cookies_sees_a_refusal(cookies: Cookies) -> None:
    """A refusal is an exit code and an exception for those who bake with pytest-cookies."""
    result = cookies.bake(extra_context={"project_slug": "../x"})
    assert result.exit_code != 0
    assert "exit status: 1" in str(result.exception)
