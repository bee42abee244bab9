"""`takeover schema`: a JSON Schema of descriptions, for editors."""

from __future__ import annotations

import click


@click.command()
def schema() -> None:
    """Print a JSON Schema of descriptions.

    Editors that know TOML complete and check with it: save it as takeover.json, and begin the
    description with `#:schema takeover.json`.
    """
    from cib_templates.published.json_schema import editor_schema
    from pcs_wrapper.views.output import to_json

    click.echo(to_json(editor_schema()))
