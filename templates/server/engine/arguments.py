    connect_args=connect_args({{ "SQLALCHEMY_DATABASE_URL" if db.arguments_take_url }}),
    pool_recycle=settings.DATABASE_POOL_RECYCLE_SECONDS,
    pool_size=settings.DATABASE_POOL_SIZE,
    max_overflow=settings.DATABASE_MAX_OVERFLOW,
