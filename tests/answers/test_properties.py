"""What holds for all answers, searched by Hypothesis."""

import tempfile
import unicodedata
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.answers.baking import SENTENCE, TEXTS, assert_unchanged, bake
from tests.answers.nasties import BROKEN_EMAILS, BROKEN_SLUGS, BROKEN_TEXTS, EMAILS, SLUGS
from tests.answers.nasties import TEXTS as PRINTABLE_TEXTS

PIECES = [
    *PRINTABLE_TEXTS.values(),
    *"'\"\\`{}[]()<>#:-=*_~|&%$!@,.;/ ",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "'''",
    '"""',
]
FORBIDDEN = "\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
LETTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn"], exclude_characters=FORBIDDEN)


def joined(piece: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    """Make texts of several pieces, so that breakers meet each other and ordinary letters."""
    return st.lists(piece, max_size=most).map("".join)


def visible(text: str) -> bool:
    """Say whether a reader sees anything of the text."""
    return any(unicodedata.category(character) not in {"Cf", "Zs"} for character in text)


printable = joined(st.sampled_from(PIECES) | LETTERS, 8).map(lambda text: text[:500].strip())
arbitrary = st.sampled_from([*BROKEN_TEXTS.values(), *BROKEN_EMAILS]) | joined(
    st.sampled_from(PIECES) | st.characters(), 8
)
good_slug = st.from_regex(r"[a-z][a-z0-9_]{0,30}x\Z") | st.sampled_from(SLUGS)
any_text = printable | arbitrary

# Half of the examples are free of intended faults: with one in each answer, hardly any project would be rendered.
good_answers = st.fixed_dictionaries(
    {"project_slug": good_slug},
    optional={
        "project_name": printable.filter(visible),
        "description": printable,
        "author_name": printable.filter(visible),
        "author_email": st.sampled_from(EMAILS),
    },
)
hostile_answers = st.fixed_dictionaries(
    {},
    optional={
        "project_name": any_text,
        "project_slug": st.sampled_from([*BROKEN_SLUGS.values()]) | any_text,
        "description": any_text,
        "author_name": any_text,
        "author_email": st.emails() | any_text,
    },
)
any_answers = good_answers | hostile_answers | st.builds(dict.__or__, good_answers, hostile_answers) | good_answers


@given(answers=any_answers)
def test_every_answer_is_refused_or_comes_back(free_text_template: Path, answers: dict[str, str]) -> None:
    """Whatever is answered: sentences and nothing on disk, or one folder that parses and holds the text unchanged."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "a", "output")
        output.mkdir(parents=True)
        outcome = bake(answers, output, template=free_text_template)
        assert [path.name for path in Path(folder).glob("*")] == ["a"]
        assert [path.name for path in Path(folder, "a").glob("*")] == ["output"]
        if outcome.project:
            assert outcome.sentences == []
            assert outcome.left == [outcome.project.name]
            assert_unchanged(outcome.project, answers)
        else:
            assert outcome.left == []
            assert outcome.sentences
            told = [SENTENCE.fullmatch(sentence) for sentence in outcome.sentences]
            assert all(match and match["question"] in {*TEXTS, "project_slug"} for match in told), outcome.sentences


@settings(max_examples=settings().max_examples // 5)
@given(name=printable, description=printable, author=printable)
def test_printable_text_is_never_refused(free_text_template: Path, name: str, description: str, author: str) -> None:
    """Printable text is taken as it is: the hook is no censor of scripts, symbols or punctuation."""
    assume(visible(name) and visible(author))
    answers = {"project_name": name, "description": description, "author_name": author, "project_slug": "my_service"}
    with tempfile.TemporaryDirectory() as folder:
        outcome = bake(answers, Path(folder), template=free_text_template)
        assert outcome.project, outcome.sentences
        assert_unchanged(outcome.project, answers)
