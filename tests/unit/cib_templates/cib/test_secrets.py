"""What is a secret, and that no text that goes through `masked` has one."""

from __future__ import annotations

import json

import pytest

from cib_templates.cib.secrecy.masking import masked
from cib_templates.cib.secrecy.secrets import is_secret

SECRET = "hunter2"
NAMES = """
    passwd password ipmi_password passphrase pass snmp_priv_passwd db_pwd pwd psk wpa_psk pin
    sim_pin pincode auth snmp_auth community snmp_community hexadecimal_kg ipmi_kg credential
    credentials access_key secret_access_key api_key apikey token auth_token bearer_token
    client_secret private_key session_cookie otp ldap_bindpw PASSWORD dbPassword accessKey api-key
"""
NO_SECRETS = """
    passwd_script password_file identity_file key_file chap_secret_file token_timeout auth_url
    auth_type snmp_auth_prot snmp_priv_prot login user port ip pinned ping spin bypass compass
    author keytab sort_key primary_key kernel stickiness weight_kg cookie_file private_key_path
    connection binfile
"""


@pytest.mark.parametrize("name", NAMES.split())
def test_a_secret_is_known_by_its_name(name: str) -> None:
    """Whatever its author has called it."""
    assert is_secret(name)


@pytest.mark.parametrize("name", NO_SECRETS.split())
def test_where_a_secret_is_is_none_itself(name: str) -> None:
    """Nor is what only sounds like one."""
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("health", f"http://monitor:{SECRET}@127.0.0.1:8080/"),
        ("options", f"username=shop,password={SECRET}"),
        ("cmdline_options", f"--port=80 --password={SECRET}"),
        ("ready", f"command:/usr/bin/look -Dtoken={SECRET}"),
        ("auth", SECRET),
    ],
)
def test_a_secret_in_a_value_is_known(name: str, value: str) -> None:
    """An address with a password, an option of a mount, an argument."""
    assert is_secret(name, value)
    assert SECRET not in masked(f"{name}='{value}'")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auth", "md5"),
        ("auth", "password"),
        ("options", "credentials=/etc/shop.cred,noatime"),
        ("cmdline_options", "--password-file=/etc/shop.secret"),
        ("ssh_key", "/root/.ssh/id_ed25519"),
        ("health", "http://127.0.0.1:8080/a:b@c"),
        ("device", "server:/export/@shop"),
        ("limits", "nofile=65536 core=unlimited"),
    ],
)
def test_a_value_without_a_secret_is_none(name: str, value: str) -> None:
    """A way to authenticate, and the file that has the secret."""
    assert not is_secret(name, value)


TEXTS = [
    f'<nvpair id="f-password" name="password" value="{SECRET}"/>',
    f"<nvpair value='{SECRET}' name='password' id='x'/>",
    f'<nvpair value="a>{SECRET}" name="password"/>',
    f'<nvpair value=\'{SECRET}"\' id="x" name="community"/>',
    f'<nvpair\n  name = "hexadecimal_kg"\n  value = "{SECRET}" />',
    f'<nvpair name="pass&#119;ord" value="{SECRET}"/>',
    f'<nvpair name="health" value="http://u:{SECRET}@host/"/>',
    f'<fence password="{SECRET}" login="x"/>',
    f"<fence pwd='{SECRET}'>",
    f"&lt;nvpair name=&quot;password&quot; value=&quot;{SECRET}&quot;/&gt;",
    f"&lt;nvpair value=&#39;{SECRET}&#39; name=&#39;psk&#39;/&gt;",
    json.dumps({"password": SECRET}),
    json.dumps({"parameters": [{"id": "x", "name": "access_key", "value": SECRET}]}, indent=2),
    json.dumps({"value": f"a{{b}}{SECRET}", "name": "pin"}),
    json.dumps({"message": f'<nvpair name="password" value="{SECRET}"/>'}),
    json.dumps({"message": f"<nvpair value='{SECRET}' name='password'/>"}),
    json.dumps({"message": json.dumps({"passwd": SECRET})}),
    f'<x text="&lt;nvpair name=&quot;pwd&quot; value=&quot;{SECRET}&quot;/&gt;"/>',
    json.dumps({"url": f"https://u:{SECRET}@h/"}),
    f'{{"pass\\u0077ord": "{SECRET}"}}',
    f"fence_apc --ip=198.51.100.1 --password={SECRET} --plug=1",
    f"password={SECRET}",
    f"  password: {SECRET}",
    f"mount -o username=x,password={SECRET},noatime",
    f"opening https://user:{SECRET}@example.com/x failed",
    # A difference of Pacemaker's (crm_diff): the pair is named beside the value, or by its ID.
    '<diff format="2"><change operation="modify" path="/cib/configuration/resources/primitive'
    "[@id='f']/instance_attributes[@id='i']/nvpair[@id='i-password']\"><change-list><change-attr "
    f'name="value" operation="set" value="{SECRET}"/></change-list><change-result><nvpair '
    f'id="i-password" name="password" value="{SECRET}"/></change-result></change></diff>',
]


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_shows_a_secret(text: str) -> None:
    """In XML and JSON with any quotes, in one another, in commands, and in pieces of these."""
    assert SECRET not in masked(text)
    assert SECRET not in masked(f"said: {text} and more\n" * 2)


def test_what_is_no_secret_stays() -> None:
    """A log without values would be of no use."""
    text = (
        '<nvpair id="a" name="ip" value="198.51.100.100"/>\n'
        '{"name": "port", "value": "22", "kind": null}\n'
        "pcs resource cleanup shop --wait=30\n"
        '<nvpair name="password_script" value="/usr/local/sbin/password"/>'
    )
    assert masked(text) == text


def test_long_texts_take_no_long_time() -> None:
    """Whatever quotes and brackets are not closed."""
    for piece in ("<a b='", '{"', "&lt;a ", "password='", '\\"', "http://a:", "<change nvpair "):
        masked(piece * 20_000)
    masked("a" * 500_000)
    masked(f'password="{"x" * 500_000}')
