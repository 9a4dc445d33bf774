{% set join = "&" if "?" in db.example else "?" %}
LOCATION = "{{ db.example | replace("user@host", "app:s3cret@db.example") | replace("database", "app") | replace("NAME", "app") }}"


@pytest.mark.parametrize(
    "text",
    [
        f"{DRIVERNAME}://{LOCATION}",
{% for spelling in db.spellings %}
        f"{{ spelling }}://{LOCATION}",
{% endfor %}
        f"  {DRIVERNAME.upper()}://{LOCATION}\n",
    ],
)
def test_other_spellings_are_accepted(text: str) -> None:
    """Platforms and shells spell the same URL in many ways."""
    url = parse_database_url(text)
    assert url.render_as_string(hide_password=False) == f"{DRIVERNAME}://{LOCATION}"


def test_read_url_is_treated_like_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """`DATABASE_READ_URL` may be spelled in the same ways, and the password applies to both."""
    location = LOCATION.replace(":s3cret@", "@")
    monkeypatch.setenv("DATABASE_READ_URL", f"{{ db.spellings[0] }}://{location}")
    monkeypatch.setenv("DATABASE_PASSWORD", "s3cret")
    url = load_settings().DATABASE_READ_URL
    assert url is not None
    assert url.render_as_string(hide_password=False) == f"{DRIVERNAME}://{LOCATION}"
    monkeypatch.setenv("DATABASE_READ_URL", "replica")
    with pytest.raises(SystemExit, match=r"^DATABASE_READ_URL: it is not a database URL"):
        load_settings()


{% if db.multi_host %}
def test_several_hosts_are_kept() -> None:
    """A URL with several hosts, as the driver's own library takes it, names all of them."""
    text = f"{DRIVERNAME}://app:s3cret@a:1,b:2/app?target_session_attrs=read-write"
    url = parse_database_url(text)
    assert url.query == {"host": ("a:1", "b:2"), "target_session_attrs": "read-write"}
    assert (url.username, url.password, url.database) == ("app", "s3cret", "app")


def test_socket_may_be_the_host() -> None:
    """The folder of a socket is percent-encoded in the place of a host, as libpq takes it."""
    url = parse_database_url(f"{DRIVERNAME}://app:s3cret@%2Fcloudsql%2Fa%3Ab%3Ac/app")
    assert url.query == {"host": "/cloudsql/a:b:c"}
    assert (url.username, url.password, url.database) == ("app", "s3cret", "app")


{% endif %}
{% if db.translate_query %}
def test_tls_is_asked_for_in_the_words_of_the_driver() -> None:
    """`ssl-mode=REQUIRED`, as providers write it, is TLS without a check of the certificate."""
    url = parse_database_url(f"{DRIVERNAME}://{LOCATION}?ssl-mode=REQUIRED")
    assert url.query == {"ssl_check_hostname": "false"}
    url = parse_database_url(f"{DRIVERNAME}://{LOCATION}?ssl-mode=REQUIRED&ssl_check_hostname=true")
    assert url.query == {"ssl_check_hostname": "true"}


def test_parameters_of_the_dialect_are_accepted() -> None:
    """A URL may have what SQLAlchemy's manual advises."""
    url = parse_database_url(f"{DRIVERNAME}://{LOCATION}?charset=utf8mb4&binary_prefix=true")
    assert url.query == {"charset": "utf8mb4", "binary_prefix": "true"}


{% endif %}
@pytest.mark.parametrize("password", ["s3cret", "p@ss:w/rd%?#+ &", "ßpässwörd 密", "'\"\\`$"])
def test_password_may_be_given_separately(password: str) -> None:
    """A password in `DATABASE_PASSWORD` needs no escaping and reaches the driver unchanged."""
    url = parse_database_url(f"{DRIVERNAME}://{LOCATION}")
    settings = Settings(DATABASE_URL=url, DATABASE_PASSWORD=SecretStr(password))
    assert settings.DATABASE_URL.password == password
    assert settings.DATABASE_URL.host == "db.example"


@pytest.mark.parametrize("source", ["environment", "file"])
def test_line_break_after_a_password_is_dropped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str
) -> None:
    """The line break that `echo` writes is not part of the password."""
    if source == "environment":
        monkeypatch.setenv("DATABASE_PASSWORD", "pass word\n")
    else:
        monkeypatch.delenv("DATABASE_PASSWORD", raising=False)
        monkeypatch.setitem(Settings.model_config, "env_file", None)
        monkeypatch.setitem(Settings.model_config, "secrets_dir", tmp_path)
        (tmp_path / "DATABASE_PASSWORD").write_text("pass word\n")
    assert load_settings().DATABASE_URL.password == "pass word"


def test_empty_password_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable does not silently override a mounted secret."""
    monkeypatch.setenv("DATABASE_PASSWORD", "")
    with pytest.raises(SystemExit, match=r"^DATABASE_PASSWORD: it is empty; .*remove"):
        load_settings()


@pytest.mark.parametrize("location", ["app", "App:app", "app:Password", "app:{{ db.spellings[0] }}"])
def test_production_refuses_a_password_that_is_easily_guessed(
    monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    """A development password, or none, does not reach production.

    A setting says that a service needs no password; a guessable one is refused all the same.
    """
    monkeypatch.setenv("DATABASE_URL", f"{DRIVERNAME}://{location}@{LOCATION.partition('@')[2]}")
    monkeypatch.delenv("DATABASE_PASSWORD", raising=False)
    monkeypatch.delenv("DATABASE_PASSWORD_REQUIRED", raising=False)
    monkeypatch.delenv("ENVIRONMENT", raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setitem(Settings.model_config, "secrets_dir", None)
    load_settings()
    monkeypatch.setenv("ENVIRONMENT", "production")
    with pytest.raises(SystemExit, match=r"^DATABASE_PASSWORD: it is (missing|easily guessed), "):
        load_settings()
    monkeypatch.setenv("DATABASE_PASSWORD_REQUIRED", "false")
    if ":" in location:
        with pytest.raises(SystemExit, match=r"^DATABASE_PASSWORD: it is easily guessed, "):
            load_settings()
    else:
        load_settings()
    monkeypatch.delenv("DATABASE_PASSWORD_REQUIRED")
    monkeypatch.setenv("DATABASE_PASSWORD", "Kk2-7fXw")
    load_settings()


def test_driver_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is missing is reported when the settings load, not at the first request."""

    def fail() -> None:
        raise ImportError("libdriver.so: cannot open shared object file")

    url = f"{DRIVERNAME}://{LOCATION}"
    monkeypatch.setattr(parse_database_url(url).get_dialect(), "import_dbapi", fail)
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(SystemExit, match=r"^DATABASE_URL: its driver cannot be loaded: libdriver"):
        load_settings()


def test_password_is_never_shown() -> None:
    """No text form or dump of the settings contains the password."""
    url = parse_database_url(f"{DRIVERNAME}://{LOCATION}")
    settings = Settings(DATABASE_URL=url, DATABASE_PASSWORD=SecretStr("canary"))
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    shown += f"{tuple(url)} {tuple(settings.DATABASE_URL)}"
    assert "s3cret" not in shown
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("app:s3cret@db.example/app", "not a database URL"),
        (f"sqlite+nodriver://{LOCATION}", "not {{ db.name }}"),
        (f"{DRIVERNAME.partition('+')[0]}+nodriver://{LOCATION}", "the driver 'nodriver'"),
        (f"{DRIVERNAME}://app:s3cret@db.example:port/app", "port is not a number"),
        (f"{DRIVERNAME}://app:s3cret@db.example", "names no database"),
        (f"{DRIVERNAME}://app:s3cret@word@db.example/app", "percent-encode"),
        (f"{DRIVERNAME}://app:s3cret/word@db.example/app", "percent-encode"),
        (f"{DRIVERNAME}://app:s3cret#word@db.example/app", "percent-encode"),
        (f"{DRIVERNAME}://app:s3cret?word@x@db.example/app", "percent-encode"),
        (f"{DRIVERNAME}://app@db.example/app?password=s3cret", "DATABASE_PASSWORD"),
        (f"'{DRIVERNAME}://{LOCATION}'", "without quotes"),
        (f"{DRIVERNAME}://app:x@s3cret/y?z@db.example/app", "percent-encode"),
{% if db.parameters %}
        (f"{DRIVERNAME}://{LOCATION}{{ join }}connection_limit=5", "to the driver; remove that"),
        (f"{DRIVERNAME}://{LOCATION}{{ join }}sslaccept=strict", "and set DATABASE_TLS"),
        (f"{DRIVERNAME}://{LOCATION}{{ join }}s3cret=word@db.example/app", "percent-encode"),
{% endif %}
{% if db.multi_host %}
        (f"{DRIVERNAME}://app:s3cret@a:1,b:port/app", "not a name with a port number"),
        (f"{DRIVERNAME}://app:s3cret,word?x/y@a/app", "not a name with a port number"),
{% endif %}
    ],
)
def test_unusable_url_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    """The message names the setting and what to do, and contains no part of a password."""
    monkeypatch.setenv("DATABASE_URL", text)
    with pytest.raises(SystemExit) as refused:
        load_settings()
    message = str(refused.value)
    assert message.startswith("DATABASE_URL: ")
    assert sentence in message
    assert "\n" not in message
    assert "s3cret" not in message
    assert "word@" not in message
