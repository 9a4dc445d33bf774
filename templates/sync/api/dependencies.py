"""Dependencies of the path operations: database sessions, and parameters for ids and pages."""

from typing import Annotated

from fastapi import Depends, Path, Query
from sqlalchemy.orm import Session

from packages.api.sessions import open_read_session, open_session

MAX_KEY = 2**31 - 1

SessionDep = Annotated[Session, Depends(open_session)]
{% if db.server %}
# To read what was just written, use `SessionDep`: a replica may lag behind.
{% else %}
# Its reads do not wait for a writer.
{% endif %}
ReadSessionDep = Annotated[Session, Depends(open_read_session)]

IdPath = Annotated[int, Path(ge=1, le=MAX_KEY)]
Limit = Annotated[int, Query(ge=1, le=100, description="The largest number of rows in this page.")]
AfterId = Annotated[int, Query(ge=0, le=MAX_KEY, description="The last id of the previous page.")]
