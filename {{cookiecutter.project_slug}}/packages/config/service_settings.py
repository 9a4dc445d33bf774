"""The settings of this service's own. This file is yours: no update of the template changes it."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Settings beside those of the database, read from the same places into the same `settings`.

    Each is a line, and a text that says what it means:

        REPORTS_PER_PAGE: PositiveInt = 25
        '''Reports on a page, at most.'''
    """

    model_config = SettingsConfigDict(use_attribute_docstrings=True)
