"""A stand-in for sg_persist(8): one logical unit, by SPC-4's rules.

    sg_persist.py STATE ARGUMENT...

The state is a marshalled file. It prints what sg3_utils prints. An I_T nexus is a device's path;
those of other nodes are whatever a test writes into the state. In the state, `fail` has exit codes
to return instead, by device.

It is started a hundred times, and so loads little.
"""

from __future__ import annotations

import marshal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONFLICT, ILLEGAL = 24, 5
TYPES = {1: "Write Exclusive", 5: "Write Exclusive, registrants only"}


def main(path: str, arguments: list[str]) -> int:
    with open(path, "rb") as file:  # noqa: PTH123
        state: dict[str, Any] = marshal.load(file)
    device = arguments[-1]
    options = dict((a.removeprefix("--") + "=").split("=")[:2] for a in arguments[:-1])
    state["calls"].append(" ".join(arguments))
    failures = state["fail"].get(device, [])
    code = failures.pop(0) if failures else perform(state, device, options)
    with open(path, "wb") as file:  # noqa: PTH123
        marshal.dump(state, file)
    return code


def perform(state: dict[str, Any], device: str, options: dict[str, str]) -> int:
    keys, held = state["keys"], state["held"]
    own, new = (f"{int(options.get(o) or '0', 16):x}" for o in ("param-rk", "param-sark"))
    if "in" in options:
        print(reading(keys, held, options))
        return 0
    if "param-aptpl" in options and not state["aptpl"]:
        return ILLEGAL
    if "register-ignore" not in options and keys.get(device, "0") != own:
        return CONFLICT
    if "register-ignore" in options or "register" in options:
        keys[device] = new
        if new == "0":
            del keys[device]
            state["held"] = None if held and held[0] == device else held
    elif "reserve" in options:
        if held and held[0] != device:
            return CONFLICT
        state["held"] = [device, own, int(options["prout-type"])]
    elif "release" in options:
        state["held"] = None if held and held[0] == device else held
    elif "preempt-abort" in options:
        if new not in keys.values():
            return CONFLICT
        state["keys"] = {nexus: key for nexus, key in keys.items() if key != new}
        if held and held[1] == new:
            state["held"] = [device, own, int(options["prout-type"])]
    return 0


def reading(keys: dict[str, str], held: list[Any] | None, options: dict[str, str]) -> str:
    if "read-keys" in options:
        if not keys:
            return "  PR generation=0x0, there are NO registered reservation keys"
        lines = "".join(f"\n    0x{key}" for key in keys.values())
        return f"  PR generation=0x4, {len(keys)} registered reservation keys follow:{lines}"
    if held is None:
        return "  PR generation=0x4, there is NO reservation held"
    return (
        "  PR generation=0x4, Reservation follows:\n"
        f"    Key=0x{held[1]}\n    scope: LU_SCOPE,  type: {TYPES[held[2]]}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
