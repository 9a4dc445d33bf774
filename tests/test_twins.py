"""The synchronous texts are made from the asynchronous ones, so that a fix never reaches one style only."""

import pytest
from jinja2 import Environment

from scripts import twins


def test_every_twin_is_the_one_that_is_made() -> None:
    """`make twins` changes nothing: nobody edited a twin, or forgot to make it."""
    assert {path: path.read_text(encoding="utf-8") for path in twins.TWIN.rglob("*.py")} == twins.twins()


@pytest.mark.parametrize(
    ("text", "twin"),
    [
        ("await db.commit()", "db.commit()"),
        ("assert (await db.scalars(query)).all() == []", "assert db.scalars(query).all() == []"),
        ("print(await db.get(User, 1))", "print(db.get(User, 1))"),
        ("f((await g(1)), await h(2))", "f(g(1), h(2))"),
        ("if a:\n    asyncio.run(f(g()))\nh()", "if a:\n    f(g())\nh()"),
        ("async with SessionLocal.begin() as db:", "with SessionLocal.begin() as db:"),
        ("work: Callable[[AsyncSession], Awaitable[Result]]", "work: Callable[[Session], Result]"),
        ("async def f(\n    db: AsyncSession\n) -> None:\n", "def f(db: Session) -> None:\n"),
    ],
)
def test_words_are_replaced(text: str, twin: str) -> None:
    """What the languages of the two styles differ in is replaced, and parentheses that it needed are gone."""
    assert twins.twin(text) == twin


@pytest.mark.parametrize(
    ("text", "twin"),
    [
        ("{# async #}\na\n{# sync\nb\n#}\n", "b\n"),
        ("{# async #}\na\n{# end #}\n", ""),
        ("{# sync\nb\n#}\n", "b\n"),
    ],
)
def test_a_choice_keeps_its_part_for_the_twin(text: str, twin: str) -> None:
    """Where the styles differ by more than words, the text says both, and is itself without the twin's part."""
    assert twins.twin(f"await c\n{text}await d\n") == f"c\n{twin}d\n"
    rendered = Environment(autoescape=False, trim_blocks=True, lstrip_blocks=True).from_string(text).render()  # noqa: S701
    assert rendered == ("a\n" if "{# async #}" in text else "")


@pytest.mark.parametrize("text", ["{# async #}\na\n", "{# async #}\na\n{# sync\nb\n", "{# sync\nb\n"])
def test_a_choice_without_an_end_is_refused(text: str) -> None:
    """A tag that was forgotten does not cut off the rest of a twin."""
    with pytest.raises(ValueError, match="no end"):
        twins.twin(text)
