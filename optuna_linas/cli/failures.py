"""How a command ends when it does not succeed: one line, and an exit code."""

from __future__ import annotations

import click

__all__ = ["Failure", "Interrupted", "WrongUse"]


class Failure(click.ClickException):
    """The work failed."""

    exit_code = 1


class WrongUse(click.ClickException):
    """The command line is wrong, or what it names is not there."""

    exit_code = 2


class Interrupted(click.ClickException):
    """Ctrl-C."""

    exit_code = 130

    def show(self, file: object = None) -> None:
        """Print the message; nothing went wrong."""
        click.echo(self.message, err=True)
