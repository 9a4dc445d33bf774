"""What the documentation shows as rendered is what a user gets."""

from scripts.rendered import RENDERED, rendered


def test_documented_renders_are_what_a_user_gets() -> None:
    """Each file of `docs/rendered` is, to the byte, what its database and style render today; none is missing."""
    shown = {path.name: path.read_text(encoding="utf-8") for path in RENDERED.iterdir()}
    texts = rendered()
    differing = sorted(name for name in shown | texts if shown.get(name) != texts.get(name))
    assert not differing, f"docs/rendered is not what the template renders; run `make rendered`: {differing}"
