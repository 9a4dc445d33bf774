    SQLALCHEMY_DATABASE_URL,
    connect_args={
        {{ db.connect_args | indent(8) }}
    },
    isolation_level="AUTOCOMMIT",
    skip_autocommit_rollback=True,
