"""The settings of this service alone. This file is yours: no update of the template changes it."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """More settings, read from the same sources as those of the database, into the same `settings`.

    Each is a line, followed by a text that explains it:

        REPORTS_PER_PAGE: PositiveInt = 25
        '''Reports on a page, at most.'''
    """

    model_config = SettingsConfigDict(use_attribute_docstrings=True)
