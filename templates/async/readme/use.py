{# async #}
{{ "import asyncio\n\n" if not db.selector_loop -}}
from packages.database.config import SessionLocal, engine
{{- imports("packages.database.event_loop", run_async=db.selector_loop) }}
from packages.database.models import MyModel


async def main() -> None:
    async with SessionLocal.begin() as db:
        db.add(MyModel(name="first"))
    await engine.dispose()


{{ db.run_async }}(main())
{# sync
from packages.database.config import SessionLocal
from packages.database.models import MyModel

with SessionLocal.begin() as db:
    db.add(MyModel(name="first"))
#}
