"""Commit rows for ever, and say the id of each once it is committed; runs inside a rendered project until killed."""

from itertools import count

from packages.database.config import SessionLocal
from packages.database.models import MyModel

for number in count():
    with SessionLocal() as db:
        row = MyModel(name=f"{number} " + "x" * 200)
        db.add(row)
        db.commit()
        print(row.id, flush=True)
