"""`takeover schema`: JSON Schemas, of descriptions for editors, of outputs for programs."""

from __future__ import annotations

import click


@click.command()
@click.option(
    "--output",
    metavar="NAME",
    help="Print the JSON Schema of what a command prints with --json, such as status.",
)
@click.option("--list", "list_outputs", is_flag=True, help="List the names of the outputs.")
def schema(output: str | None, *, list_outputs: bool) -> None:
    """Print a JSON Schema: of descriptions, or of an output.

    Editors that know TOML complete and check descriptions with it: save it as takeover.json, and
    begin the description with `#:schema takeover.json`.

    Programs that read what a command prints with --json find every key of it described in the
    schema of that output. There may be keys that a program does not know: new ones come without
    notice, and a program has to ignore them.
    """
    from pcs_wrapper.views.output import to_json

    if output is None and not list_outputs:
        from cib_templates.published.json_schema import editor_schema

        click.echo(to_json(editor_schema()))
        return

    from pcs_wrapper.errors import UsageError
    from pcs_wrapper.views.contract.outputs import OUTPUTS, published_schema

    if list_outputs:
        width = max(map(len, OUTPUTS))
        for name, published in OUTPUTS.items():
            click.echo(f"{name:{width}}  {published.command}")
    elif output in OUTPUTS:
        click.echo(to_json(published_schema(OUTPUTS[output])))
    else:
        raise UsageError(f"there is no output {output}; there are: {', '.join(OUTPUTS)}")
