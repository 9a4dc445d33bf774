{# async #}
import asyncio

from packages.database.config import SessionLocal, engine
from packages.database.models import MyModel


async def main() -> None:
    async with SessionLocal.begin() as db:
        db.add(MyModel(name="first"))
    await engine.dispose()


asyncio.run(main())
{# sync
from packages.database.config import SessionLocal
from packages.database.models import MyModel

with SessionLocal.begin() as db:
    db.add(MyModel(name="first"))
#}
