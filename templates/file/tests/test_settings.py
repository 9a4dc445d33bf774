
@pytest.mark.parametrize("text", ["sqlite:///a.db", f"{DRIVERNAME}:///a.db", "  SQLite:///a.db\n"])
def test_other_spellings_are_accepted(text: str) -> None:
    """Shells and editors spell the same URL in many ways."""
    assert parse_database_url(text).drivername == DRIVERNAME


def test_relative_path_starts_at_the_project(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The path does not depend on the folder in which a command runs."""
    monkeypatch.chdir(tmp_path)
    url = parse_database_url("sqlite:///a.db")
    assert url.database == str(PROJECT_ROOT / "a.db")


def test_absolute_path_is_kept(tmp_path: Path) -> None:
    """Four slashes begin an absolute path."""
    url = parse_database_url(f"sqlite:///{tmp_path}/a.db")
    assert url.database == str(tmp_path / "a.db")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("a.db", "not a database URL"),
        ('"sqlite:///a.db"', "without quotes"),
        ("postgresql://db.example/app", "not {{ db.name }}"),
        ("sqlite+nodriver:///a.db", "the driver 'nodriver'"),
        ("sqlite://a.db", "followed by a host name"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:///file:a.db?uri=true", "give the path"),
        ("sqlite:///tests", "is a folder"),
        ("sqlite:///no/such/folder/a.db", "does not exist"),
    ],
)
def test_unusable_url_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    """The message names the setting, what is wrong with it, and what to do."""
    monkeypatch.setenv("DATABASE_URL", text)
    with pytest.raises(SystemExit) as refused:
        load_settings()
    message = str(refused.value)
    assert message.startswith("DATABASE_URL: ")
    assert sentence in message
    assert "\n" not in message
