def _refuse_writes(connection: "DBAPIConnection", _record: "ConnectionPoolEntry") -> None:
    cursor = connection.cursor()
    cursor.execute("{{ db.refuse_writes }}")
    cursor.close()
