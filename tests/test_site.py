"""The documentation is a site: each page is built and can be reached, and each link leads somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

from scripts.pages import places, relink, write_pages
from tests.template import TEMPLATE, run

CONFIGURATION = TEMPLATE / "zensical.toml"


def build(folder: Path, *, check: bool = True) -> str:
    """Build the site in a folder that has its pages, and return what was printed."""
    text = CONFIGURATION.read_text(encoding="utf-8").replace(".site/", "")
    (folder / "zensical.toml").write_text(text, encoding="utf-8")
    done = run("zensical", "build", "--strict", cwd=folder, env={"NO_COLOR": "1"}, check=check)
    return done.stdout + done.stderr


def test_each_link_leads_somewhere(tmp_path: Path) -> None:
    """The build ends without a warning; a link to a heading that does not exist would end it."""
    write_pages(tmp_path / "pages")
    build(tmp_path)
    front = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    assert 'href="./recipes/"' in front
    assert "pictures/tree.svg" in front
    page = tmp_path / "pages" / "index.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[lost](recipes.md#nowhere)\n", encoding="utf-8")
    assert "anchor does not exist" in build(tmp_path, check=False)


def test_a_link_to_a_missing_file_is_named() -> None:
    """Also a file that is no page of the site; a link to one that exists keeps its text."""
    known = places()
    assert relink("[facts](../templates/backends/base.jinja)", "docs/answers.md", known) == "facts"
    assert relink("[how](CONTRIBUTING.md#pages)", "README.md", known) == "[how](contributing.md#pages)"
    assert relink("```md\n[as it is](nowhere.md)\n```", "README.md", known) == "```md\n[as it is](nowhere.md)\n```"
    with pytest.raises(SystemExit, match=r"docs/answers\.md: there is no docs/nowhere\.md"):
        relink("[lost](nowhere.md)", "docs/answers.md", known)


def test_each_page_can_be_reached() -> None:
    """Each page is in the navigation, once."""
    navigation = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))["project"]["nav"]
    pages = re.findall(r"'([\w-]+\.md)'", str(navigation))
    assert sorted(pages) == sorted(place for place in places().values() if place.endswith(".md"))


def test_the_pipeline_builds_the_site() -> None:
    """A broken link is found before it is merged."""
    assert "- run: make site\n" in (TEMPLATE / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "zensical build --strict" in run("make", "--dry-run", "site", cwd=TEMPLATE).stdout
