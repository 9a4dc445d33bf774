class ReadSession(Session):
    """A session that refuses to write, since {{ db.name }} has no connections that refuse it.

    It refuses a flush and statements that SQLAlchemy builds, but not SQL in plain text.
    """

    def flush(self, objects: "Sequence[Any] | None" = None) -> None:
        """Send nothing.

        Raises:
            InvalidRequestError: there is something to write.
        """
        if self.new or self.dirty or self.deleted:
            raise InvalidRequestError(READ_ONLY)
        super().flush(objects)


@event.listens_for(ReadSession, "do_orm_execute")
def _refuse_to_execute(state: "ORMExecuteState") -> None:
    if not state.is_select and (state.is_insert or state.is_update or state.is_delete):
        raise InvalidRequestError(READ_ONLY)
