"""Find words that readers did not understand at once, in the template and in what it renders.

    scripts/words.py [FILE ...]

Without files, all that git knows are read. Each finding is a line `file:line: "word": write …`; any ends with code 1.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1]

# A pattern for whole words in any case, and what to write instead. CONTRIBUTING.md explains the style.
WORDS = {
    r"mend(s|ed|ing)?": "fix, correct",
    r"unfit": "invalid",
    r"anew": "again, new",
    r"crowds?": "overload, many clients",
    r"(told|says?|word) when to come back|told to come back": "refused with Retry-After",
    r"come(s)? apart from": "given separately from",
    r"in patience|patience|patiently": "retries",
    r"leavers?|stayers?": "a client that disconnects, a client that waits",
    r"(client|request|connection|session|statement|transaction|server|process)s? who": "… that",
    r"whoever": "anyone who, each client that",
    r"lest": "so that … not",
    r"stand(s|ing)? still": "does not answer, is frozen",
    r"eighth row": "a new backend",
    r"front door": "the first page",
    r"cannot but": "must",
    r"without a word": "silently",
    r"nigh|thence|hence|whence|hitherto|thereof|wherein|therein|whilst|oft": "an everyday word",
}
WHOLE = r"(?<![\w-])(?:{})(?![\w-])"
PATTERNS = {re.compile(WHOLE.format(words), re.IGNORECASE): better for words, better in WORDS.items()}

# Not read: this list and its test, texts of others, and what is made from other texts.
SKIPPED = ("scripts/words.py", "tests/test_words.py", "templates/licenses/", "docs/rendered/", "uv.lock")


def findings(name: str, text: str) -> Iterator[str]:
    """Yield one line for each word to avoid.

    Args:
        name: the file, as a person would open it.
        text: what it holds.
    """
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, better in PATTERNS.items():
            for found in pattern.finditer(line):
                yield f'{name}:{number}: "{found[0]}": write {better}'


def files() -> list[str]:
    """Return the files that git tracks or would add, by their paths from the repository's folder."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True, check=True).stdout
    return sorted(filter(None, listed.split("\0")))


def main(arguments: Sequence[str]) -> int:
    """Print all findings; return the exit code."""
    count = 0
    for name in arguments or files():
        path = TEMPLATE / name
        if name.startswith(SKIPPED) or not path.is_file() or path.is_symlink():
            continue
        for finding in findings(name, path.read_text(encoding="utf-8", errors="ignore")):
            print(finding)
            count += 1
    return min(count, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
