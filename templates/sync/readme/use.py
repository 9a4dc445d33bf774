from packages.database.config import SessionLocal
from packages.database.models import MyModel

with SessionLocal.begin() as db:
    db.add(MyModel(name="first"))
