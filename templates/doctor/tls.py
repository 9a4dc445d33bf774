def _check_tls(connection: Connection) -> Check:
{% if db.tls_in_use %}
    driver: Any = connection.connection.driver_connection
    found = {{ db.tls_in_use }}
{% else %}
    try:
        found = connection.exec_driver_sql(TLS_QUERY).one()[-1]
    except DBAPIError as error:
        return Check("TLS", "warning", describe_reason(error), "ask an administrator")
{% endif %}
    host = connection.engine.url.host or ""
    good = bool(found) or host in LOCAL or settings.DATABASE_TLS == "off"
    return _judge("TLS", found or "off", "set DATABASE_TLS to verify-full, or to off", good=good)
