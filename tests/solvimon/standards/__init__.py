"""Standards of others that documents written here are held to: the schemas of UBL 2.1, as OASIS published them.

`ubl-2.1.zip` holds them unmodified, with the notice under which they may be passed on.
"""

from __future__ import annotations

import zipfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from lxml import etree

ARCHIVE = Path(__file__).parent / "ubl-2.1.zip"


def root_of(document: bytes) -> str:
    """The name of a document's root element, without its namespace."""
    return str(etree.QName(etree.fromstring(document)).localname)


def breaches(document: bytes) -> list[str]:
    """What of a UBL document its official schema does not allow, and every element that says nothing (UBL 2.1, IND5)."""
    tree = etree.fromstring(document)
    schema = _schema(root_of(document))
    schema.validate(tree)
    empty = [f"{one.tag} is empty" for one in tree.iter() if len(one) == 0 and not (one.text or "").strip()]
    return [str(error) for error in schema.error_log] + empty


@cache
def _schema(kind: str) -> etree.XMLSchema:
    with TemporaryDirectory() as folder, zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder)
        parser = etree.XMLParser(no_network=True)
        return etree.XMLSchema(etree.parse(str(Path(folder) / "maindoc" / f"UBL-{kind}-2.1.xsd"), parser))
