"""Write the synchronous twin of each text in `templates/async/` to `templates/sync/`.

A text is written once, with `async` and `await`. Its twin is the same text with the words below replaced, as unasync
and psycopg do it. Where the styles differ by more than words, the text says both. What is for the twin alone stands in
a comment of Jinja's, so that a render of the text does not have it:

    {# async #}
    ...
    {# sync
    ...
    #}

Either part may be absent; `{# end #}` ends a first part that has no second one.
"""

import re
from collections.abc import Iterator
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
SOURCE = TEMPLATES / "async"
TWIN = TEMPLATES / "sync"

WORDS = {
    r"\b(?:asyncio\.)?to_thread\(([\w.]+), ": r"\1(",
    r"\basync_sessionmaker\b": "sessionmaker",
    r"\bcreate_async_engine\b": "create_engine",
    r"\bAsyncAdaptedQueuePool\b": "QueuePool",
    r"\bAsyncClient\b": "TestClient",
    r"\bAsync(Generator|Iterator|Session|Connection|Engine|Retrying)\b": r"\1",
    r"\basynccontextmanager\b": "contextmanager",
    r"\.get_raw_connection\(\)": ".connection",
    r"\bAwaitable\[(\w+)\]": r"\1",
    r"\ban `async with`": "a `with`",
    r"\basync (def|with|for)\b": r"\1",
    r"\bawait ": "",
    r"(?:\basyncio\.run|\{\{ db\.run_async \}\})\((.+)\)$": r"\1",
    r"\.sync_engine\b": "",
    r"from sqlalchemy\.ext\.asyncio import Session\b": "from sqlalchemy.orm import Session",
    r"from sqlalchemy\.ext\.asyncio import Connection\b": "from sqlalchemy import Connection",
    r"from httpx2 import TestClient\b": "from fastapi.testclient import TestClient",
}
ASYNC, SYNC, END_OF_ASYNC, END_OF_SYNC = "{# async #}", "{# sync", "{# end #}", "#}"
LINE_LENGTH = 100  # of the rendered project's formatter
SPLIT_SIGNATURE = re.compile(r"^( *def \w+\()\n +(.+[^,\n])\n *(\).*:)$", re.MULTILINE)


def twin(text: str) -> str:
    """Return the synchronous form of a text."""
    common: list[str] = []
    pieces: list[str] = []
    lines = iter(text.splitlines(keepends=True))
    for line in lines:
        tag = line.strip()
        if tag in {ASYNC, SYNC}:
            pieces += [_translate("".join(common)), *_only_for_sync(lines, tag)]
            common = []
        else:
            common.append(line)
    return "".join([*pieces, _translate("".join(common))])


def twins() -> dict[Path, str]:
    """Return the text of every twin, by its path."""
    return {TWIN / path.relative_to(SOURCE): twin(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")}


def _only_for_sync(lines: Iterator[str], tag: str) -> Iterator[str]:
    """Yield the lines for the twin alone of a choice that begins with the tag, and leave the lines behind it."""
    for line in lines:
        if line.strip() == (END_OF_ASYNC if tag == ASYNC else END_OF_SYNC):
            return
        if line.strip() == SYNC:
            tag = SYNC
        elif tag == SYNC:
            yield line
    raise ValueError(f"a choice has no end: {tag}")


def _translate(text: str) -> str:
    text = _unwrap_awaits(text)
    for word, replacement in WORDS.items():
        text = re.sub(word, replacement, text, flags=re.MULTILINE)
    return SPLIT_SIGNATURE.sub(_joined, text)


def _unwrap_awaits(text: str) -> str:
    """Drop the parentheses that only `await` needs: `(await f(x)).y` becomes `f(x).y`."""
    while (start := text.find("(await ")) >= 0:
        depth = 0
        for end in range(start, len(text)):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if not depth:
                break
        inner = text[start + 1 : end].removeprefix("await ")
        # Parentheses of a call stay.
        call = text[start - 1].isalnum() or text[start - 1] in "_])"
        text = text[:start] + (f"({inner})" if call else inner) + text[end + 1 :]
    return text


def _joined(signature: re.Match[str]) -> str:
    """Write a signature on one line where it fits, as the formatter does."""
    line = "".join(signature.groups())
    return line if len(line) <= LINE_LENGTH else signature[0]


def main() -> None:
    """Write the twins that differ, and remove those of a text that is gone."""
    wanted = twins()
    for path in set(TWIN.rglob("*.py")) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
