    connect_args={
        {{ db.connect_args | indent(8) }}
    },
    # SQLite has one writer at a time. Here writers take turns in order; its own lock has no order.
    pool_size=1,
    max_overflow=0,
