"""Which values are secrets: a CIB shows them to every node and in every report.

One function tells, for whatever has names and values: parameters, attributes, properties. `masking`
finds them in text.
"""

from __future__ import annotations

import re
from functools import lru_cache

# By which words a name is a secret's. Those in the second line name other things, too, as parts of
# longer words ("pinned", "bypass"), so they have to be words of the name.
_SECRET = re.compile(
    r"passw|passphrase|passcode|secret|token|credential|pwd|psk|cookie|bearer"
    r"|(?<![a-z])(pass|(user|db|root|admin|bind|ldap)(pass|pw)|pw|pin|pincode|puk|otp|auth|community"
    r"|jwt)\Z|(\A|(bmc|hex|hexadecimal|ipmi)[_-]?)kg\Z"
    r"|(api|auth|access|account|client|crypt|encryption|ipmi|master|priv|private|psk|shared|signing"
    r"|ssh|storage|vault|wpa)[_-]?key(?![a-z])",
    re.IGNORECASE,
)
# That says where a secret is, or of which kind, and is none.
_NOT_ITSELF_SECRET = re.compile(
    r"[_-](script|file|path|folder|directory|dir|timeout|url|type|method|length|prot|protocol)\Z",
    re.IGNORECASE,
)
# Of these, an absolute path is where the secret is.
_ALSO_OF_FILES = re.compile(r"(ssh_key|credentials?|cookie)\Z", re.IGNORECASE)
# How fence_ipmilan and fence_virt call ways to authenticate, by a parameter named auth.
_METHODS = frozenset(("none", "password", "md2", "md5", "oem", "sha1", "sha256", "sha512"))
# RFC 3986, section 3.2.1: user information in an address, with a password.
_ADDRESS = re.compile(r"://[^\s/?#@:]*:([^\s/?#@]+)@")
# A mount option or an argument: password=…, --token=….
_OPTION = re.compile(r"(?:\A|[\s,;&?'\"])-{0,2}([A-Za-z][\w-]*)=(?=[^\s,;&/'\"])")


def is_secret(name: str, value: str = "") -> bool:
    """Return whether a value is a secret itself, not where one is.

    Args:
        name: What it is called, such as a parameter's name.
        value: The value; without it, the name alone is judged.
    """
    if _is_name_of_one(name):
        is_place = value.startswith("/") and _ALSO_OF_FILES.search(name) is not None
        return not is_place and not (name.lower() == "auth" and value.lower() in _METHODS)
    return ("=" in value or "@" in value) and has_secret(value)


def has_secret(text: str) -> bool:
    """Return whether a text of several words, such as a command or an address, has a secret."""
    return bool(passwords_of_addresses(text)) or any(map(_is_name_of_one, _OPTION.findall(text)))


def passwords_of_addresses(text: str) -> list[str]:
    """Return the passwords in a text's addresses, such as `http://user:password@host/`."""
    return _ADDRESS.findall(text)


@lru_cache(maxsize=4096)
def _is_name_of_one(name: str) -> bool:
    return bool(_SECRET.search(name)) and not _NOT_ITSELF_SECRET.search(name)
