"""How a team edits its service: each addition where the service's version has a place for it."""

import re
from pathlib import Path

from scripts.twins import twin
from tests.live.revisions import write_revision
from tests.updates import texts
from tests.updates.texts import CREATE, DROP, TYPES

SAMPLES = re.compile(r"packages\.database\.(models|user_data_model|job_data_model)|/users")


def insert(path: Path, text: str, *, before: str = "", after: str = "") -> None:
    """Insert text before, or after, the one place where an anchor stands.

    Raises:
        ValueError: the anchor does not stand there once.
    """
    content = path.read_text(encoding="utf-8")
    anchor = before or after
    if content.count(anchor) != 1:
        raise ValueError(f"{path}: {anchor!r} stands there {content.count(anchor)} times")
    path.write_text(content.replace(anchor, text + anchor if before else anchor + text), encoding="utf-8")


def edit(folder: Path, style: str, *, with_api: bool) -> None:
    """Make the edits of a team, each where the service's version has a place for it."""
    add_files(folder, style, with_api=with_api)
    users = folder / "packages" / "database" / "user_data_model.py"
    insert(users, texts.NICKNAME, before="    created_at: Mapped[CreatedAt]\n")
    add_setting(folder / "packages" / "config")
    migrations = folder / "tests" / "test_migrations.py"
    if "TABLES = {" in migrations.read_text(encoding="utf-8"):
        insert(migrations, ', "teams"', after='"my_table"')
    app = folder / "packages" / "api" / "app.py"
    if with_api and "users" in app.read_text(encoding="utf-8"):
        insert(app, ", teams", after="import errors, health, jobs")
        insert(app, "app.include_router(teams.router)\n", after="app.include_router(jobs.router)\n")
    add_words(folder)


def add_setting(config: Path) -> None:
    """Add a setting: to the file that is the team's, or after the last one of version 1.0.0, which has none."""
    own = config / "service_settings.py"
    if own.exists():
        insert(own, "from pydantic import PositiveInt\n", before="from pydantic_settings import")
        with own.open("a", encoding="utf-8") as end:
            end.write("\n" + texts.SETTING)
        return
    settings = config / "settings.py"
    text = settings.read_text(encoding="utf-8")
    head, next_, tail = text.partition(
        "\n    @model_validator" if "@model_validator" in text else "\n\ndef load_settings"
    )
    # After a blank line, as a group of its own.
    settings.write_text(f"{head}\n{texts.SETTING}{next_}{tail}", encoding="utf-8")


def remove_samples(folder: Path, *, with_api: bool) -> list[str]:
    """Take out the models, routes and tests that the template shows, as a team of version 1.0.0 does; return the files.

    The team has a model and a first revision of its own by then, and no test any more that needs a sample.
    """
    files = [f"packages/database/{name}.py" for name in ("models", "user_data_model", "job_data_model")]
    files.append("migrations/versions/0001_create_my_table_users_and_jobs.py")
    if with_api:
        files += [f"packages/api/{name}.py" for name in ("users", "jobs", "schemas")]
    tests = [path for path in (folder / "tests").glob("test_*.py") if SAMPLES.search(path.read_text(encoding="utf-8"))]
    files += [f"tests/{path.name}" for path in tests]
    for name in files:
        (folder / name).unlink()
    (folder / "migrations" / "versions" / "0002_change.py").unlink()
    write_revision(folder, 1, CREATE, DROP, TYPES)
    migrations = folder / "tests" / "test_migrations.py"
    text = migrations.read_text(encoding="utf-8")
    migrations.write_text(text.replace('"jobs", "my_table", "teams", "users"', '"teams"'), encoding="utf-8")
    if with_api:
        app = folder / "packages" / "api" / "app.py"
        text = app.read_text(encoding="utf-8")
        text = text.replace("import errors, health, jobs, teams, users", "import errors, health, teams")
        for name in ("users", "jobs"):
            text = text.replace(f"app.include_router({name}.router)\n", "")
        app.write_text(text, encoding="utf-8")
    return files


def add_files(folder: Path, style: str, *, with_api: bool) -> None:
    """Add the files that are the team's alone."""
    test = (
        texts.TEST.replace("from packages.config", texts.ROUTE_IMPORTS + "from packages.config", 1) + texts.ROUTE_TEST
        if with_api
        else texts.TEST
    )
    write_revision(folder, 2, CREATE + texts.ADD_NICKNAME, texts.DROP_NICKNAME + DROP, TYPES)
    files = {"packages/database/team_data_model.py": texts.MODEL, "tests/test_teams.py": test}
    if with_api:
        names = (folder / "packages" / "api" / "dependencies.py").read_text(encoding="utf-8")
        # As they were called in version 1.0.0.
        renamed = ("IdPath", "AfterId") if "IdPath" in names else ("Key", "After")
        route = "packages/api/routes/teams.py" if (folder / "packages/api/routes").is_dir() else "packages/api/teams.py"
        files[route] = re.sub(r"\bAfter\b", renamed[1], re.sub(r"\bKey\b", renamed[0], texts.ROUTE))
        module = route.removesuffix(".py").replace("/", ".")
        files["tests/test_teams.py"] = test.replace("packages.api.teams", module)
    for name, text in files.items():
        (folder / name).write_text(twin(text) if style == "sync" else text, encoding="utf-8")


def add_words(folder: Path) -> None:
    """Add a dependency, at the end of its list, and some words to the README."""
    insert(folder / "pyproject.toml", texts.DEPENDENCY, before="]\n\n[project.optional-dependencies]")
    readme = folder / "README.md"
    insert(readme, texts.ABOUT, before="## Start it, test it\n")
    with readme.open("a", encoding="utf-8") as end:
        end.write(texts.SECTION)
