    {{ "READ_URL" if db.arguments_take_url else "settings.DATABASE_READ_URL or SQLALCHEMY_DATABASE_URL" }},
{% if db.read_connect_args %}
    connect_args={
        **connect_args({{ "READ_URL" if db.arguments_take_url }}),
        {{ db.read_connect_args | indent(8) }}
    },
{% else %}
    connect_args=connect_args({{ "READ_URL" if db.arguments_take_url }}),
{% endif %}
    isolation_level="AUTOCOMMIT",
    skip_autocommit_rollback=True,
    pool_recycle=settings.DATABASE_POOL_RECYCLE_SECONDS,
