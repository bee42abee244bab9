"""`takeover schema`: print the JSON Schema of descriptions, or of a command's JSON output."""

from __future__ import annotations

import click

from pcs_wrapper.commands.printing import print_line, print_text
from pcs_wrapper.commands.shell import completing


@click.command()
@click.option(
    "--output",
    metavar="NAME",
    shell_complete=completing.outputs,
    help="Print the schema of the output NAME, such as status; --list shows all names.",
)
@click.option("--list", "list_outputs", is_flag=True, help="List the names of the outputs.")
def schema(output: str | None, *, list_outputs: bool) -> None:
    """Print the JSON Schema of descriptions, or of what a command prints with --json.

    With the schema of descriptions, an editor that knows TOML completes keys and marks mistakes.
    Save it as takeover.json, and begin the description with the line `#:schema takeover.json`.

    The schema of an output describes every key of it. An output may get new keys at any time: a
    program has to ignore keys that it does not know.

    \b
    Examples:
      takeover schema > takeover.json
      takeover schema --list
      takeover schema --output status > status.schema.json
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.views.output import to_json

    if output is None and not list_outputs:
        from cib_templates.published.json_schema import editor_schema

        print_text(to_json(editor_schema()))
        return

    from pcs_wrapper.errors import UsageError
    from pcs_wrapper.views.contract.outputs import OUTPUTS, published_schema

    if list_outputs:
        width = max(map(len, OUTPUTS))
        for name, published in OUTPUTS.items():
            print_line(f"{name:{width}}  {published.command}")
    elif output in OUTPUTS:
        print_text(to_json(published_schema(OUTPUTS[output])))
    else:
        raise UsageError(f"there is no output {output}; the outputs are: {', '.join(OUTPUTS)}")
