"""What a team writes: a model, a revision, a route, tests, a setting, a dependency, and words of its own."""

MODEL = '''\
"""The teams that users form."""

from sqlalchemy import Unicode
from sqlalchemy.orm import Mapped, mapped_column

from packages.database.config import Base
from packages.database.types import CreatedAt, IntegerKey


class Team(Base):
    """Some users, under one name."""

    __tablename__ = "teams"

    id: Mapped[IntegerKey]
    name: Mapped[str] = mapped_column(Unicode(255), unique=True)
    created_at: Mapped[CreatedAt]
'''

TYPES = "\nfrom packages.database.types import UtcDateTime"
CREATE = """\
op.create_table(
    "teams",
    sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
    sa.Column("name", sa.Unicode(length=255), nullable=False),
    sa.Column("created_at", UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
    sa.UniqueConstraint("name", name=op.f("uq_teams_name")),
)"""
DROP = 'op.drop_table("teams")'
ADD_NICKNAME = '\nop.add_column("users", sa.Column("nickname", sa.Unicode(length=255), nullable=True))'
DROP_NICKNAME = 'op.drop_column("users", "nickname")\n'

ROUTE = '''\
"""The path operations on teams."""

from fastapi import APIRouter
from packaging.utils import canonicalize_name
from sqlalchemy import select

from packages.api.dependencies import After, Key, SessionDep
from packages.config.settings import settings
from packages.database.team_data_model import Team

router = APIRouter(prefix="/teams", tags=["teams"])


@router.get("")
async def list_teams(db: SessionDep, after: After = 0) -> list[str]:
    """Return the names of some teams."""
    page = select(Team).where(Team.id > after).order_by(Team.id).limit(settings.TEAMS_PER_PAGE)
    return [canonicalize_name(team.name) for team in await db.scalars(page)]


@router.get("/{team_id}")
async def has_team(team_id: Key, db: SessionDep) -> bool:
    """Tell whether there is a team with an id."""
    return await db.get(Team, team_id) is not None
'''

TEST = '''\
"""Teams are stored."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from packages.config.settings import settings
from packages.database.team_data_model import Team


async def test_teams_are_stored(db: AsyncSession) -> None:
    """A team comes back under its name."""
    db.add(Team(name="The Team"))
    await db.flush()
    assert [*await db.scalars(select(Team.name))] == ["The Team"]
    assert settings.TEAMS_PER_PAGE == 25
'''

ROUTE_IMPORTS = """\
from packages.api.app import app
from packages.api.teams import list_teams
"""
ROUTE_TEST = '''

async def test_teams_are_listed(db: AsyncSession) -> None:
    """The route finds the teams, and the application has the route."""
    db.add(Team(name="The Team"))
    await db.flush()
    assert await list_teams(db) == ["the team"]
    assert "/teams" in app.openapi()["paths"]
'''

SETTING = '''\
    TEAMS_PER_PAGE: PositiveInt = 25
    """Teams that a page holds at most."""
'''
NICKNAME = "    nickname: Mapped[str | None] = mapped_column(Unicode(255))\n"
DEPENDENCY = '    "packaging>=24",\n'
ABOUT = "This service keeps the teams of our company.\n\n"
SECTION = "\n## Who to ask\n\nThe platform team, at any hour.\n"
