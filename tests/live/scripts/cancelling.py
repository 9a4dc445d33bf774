"""The API of a rendered project with the requests of `endings.py`, and a look at what they leave behind.

A client that leaves while `/endings/cancelled` waits has its request cancelled, as some middleware does it.
"""

import anyio
from packages.api.admission import admission
from packages.api.app import app as service
from packages.database.config import engine, read_engine

from endings import router


# Needs no slot, as no probe does.
@service.get("/health/left-behind")
async def left_behind() -> dict[str, int]:
    """Return what requests hold: connections, and admissions."""
    connections = engine.pool.checkedout() + read_engine.pool.checkedout()
    return {"connections": connections, "admissions": admission.taken}


service.include_router(router)


async def app(scope, receive, send):  # noqa: ANN001, ANN201
    """Cancel a request whose client has left."""
    if scope["type"] != "http" or not scope["path"].startswith("/endings/cancelled/"):
        await service(scope, receive, send)
        return
    async with anyio.create_task_group() as group:

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            group.cancel_scope.cancel()

        group.start_soon(watch)
        await service(scope, receive, send)
        group.cancel_scope.cancel()
