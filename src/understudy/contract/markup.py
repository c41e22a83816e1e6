"""XML bodies as JSON values and back, as the document's XML Objects have it (OpenAPI 3.1, XML Object).

1. Names are compared without their prefixes; the name of the outermost element is not looked at.
2. A document type is refused: no entity is ever expanded, nothing is fetched.
3. What is not declared is handed on as it came, for the schema and the cleaner to judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from understudy.contract.bodies import MAX_NESTING, Reader, malformed
from understudy.contract.parameters import scalar, types_of
from understudy.contract.shapes import Shape, Shapes, mapping_of
from understudy.contract.values import Schema
from understudy.exact import read, write

NIL = "nil"  # XML Schema Part 1, section 2.6.2: an element that says it is null
NO_NAME = re.compile(r"[^\w.-]|^(?=[\d.-])")
NO_CHARACTER = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold (section 2.2), and what no name has (section 2.3)."""


@dataclass(slots=True)
class Element:
    """An element: names without prefixes, `text` all that stands in it outside its children."""

    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""


# reading -------------------------------------------------------------------------------------------------------------


def parsed(body: bytes) -> Element:
    """The outermost element. Raises Problem `malformed_request`."""
    top = Element("", {})
    open_: list[Element] = [top]

    def starts(name: str, attributes: dict[str, str]) -> None:
        if len(open_) > MAX_NESTING:
            raise malformed(f"body is nested too deeply (maximum allowed: {MAX_NESTING} levels)")
        plain = {_local(key): value for key, value in attributes.items() if key != "xmlns" and not key.startswith("xmlns:")}
        one = Element(_local(name), plain)
        open_[-1].children.append(one)
        open_.append(one)

    def says(text: str) -> None:
        open_[-1].text += text

    def has_type(*_: Any) -> None:
        raise malformed("body has a document type (<!DOCTYPE …>), which is not taken")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = starts
    parser.EndElementHandler = lambda name: open_.pop()
    parser.CharacterDataHandler = says
    parser.StartDoctypeDeclHandler = has_type
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise malformed(f"body is not valid XML: {expat.errors.messages[error.code]} (line {error.lineno}, column {error.offset + 1})") from None
    except (ValueError, LookupError):
        raise malformed("body is not valid XML: its encoding is not known") from None
    return top.children[0]


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class Markup:
    """Reads and writes the XML of one contract's schemas, for one direction."""

    def __init__(self, shapes: Shapes, direction: str) -> None:
        self._shapes = shapes
        self._direction = direction

    def reader(self, schema: Schema | None) -> Reader:
        """A reader of bodies of a schema."""
        return lambda body, content_type: self._value(parsed(body), schema)

    def _shape(self, schema: Schema | None) -> Shape:
        return self._shapes.shape(schema, self._direction) if schema is not None else Shape()

    def _value(self, element: Element, schema: Schema | None) -> Any:
        shape = self._shape(schema)
        if element.attributes.get(NIL) == "true":
            return None
        if "array" in shape.types:
            return [self._value(one, shape.items) for one in element.children]
        if element.children or element.attributes or shape.properties or "object" in shape.types:
            return self._object(element, shape)
        return _scalar(element.text, shape)

    def _object(self, element: Element, shape: Shape) -> dict[str, Any]:
        value: dict[str, Any] = {}
        children: dict[str, list[Element]] = {}
        for one in element.children:
            children.setdefault(one.name, []).append(one)
        attributes = dict(element.attributes)
        for name, schema in shape.properties.items():
            said, own = self._said(schema), self._shape(schema)
            if said.get("attribute") is True:
                text = attributes.pop(said.get("name", name), None)
                value.update({} if text is None else {name: _scalar(text, own)})
                continue
            found = children.pop(self._element_name(name, schema), [])
            if found:
                value[name] = self._property(found, schema, own, said)
        rest = shape.additional if isinstance(shape.additional, Schema) else None
        value.update({name: self._value(one[0], rest) if len(one) == 1 else [self._value(each, rest) for each in one] for name, one in children.items()})
        return {**value, **attributes}

    def _property(self, found: list[Element], schema: Schema, own: Shape, said: Mapping[str, Any]) -> Any:
        if "array" in own.types and said.get("wrapped") is not True:
            return [self._value(one, own.items) for one in found]
        return self._value(found[0], schema) if len(found) == 1 else [self._value(one, schema) for one in found]

    def _said(self, schema: Schema | None) -> Mapping[str, Any]:
        """The XML Object of a schema, its own before that of the one it refers to."""
        if schema is None:
            return {}
        return {**mapping_of(mapping_of(self._shapes.target(schema).value).get("xml")), **mapping_of(mapping_of(schema.value).get("xml"))}

    def _element_name(self, name: str, schema: Schema) -> str:
        """The element of a property; that of each of its items where nothing wraps them."""
        said, shape = self._said(schema), self._shape(schema)
        if "array" in shape.types and said.get("wrapped") is not True:
            return str(self._said(shape.items).get("name", name))
        return str(said.get("name", name))

    # writing -----------------------------------------------------------------------------------------------------

    def writer(self, schema: Schema | None) -> Callable[[bytes], bytes]:
        """A function that makes JSON bytes of a schema's value XML; what is no JSON stays as it is."""
        target = self._shapes.target(schema) if schema is not None else None
        home, _, last = target.uri.rpartition("/") if target is not None else ("", "", "")
        root = last if home.endswith(("/schemas", "/definitions")) else "root"

        def written(body: bytes) -> bytes:
            if not body or body[:1] == b"<":
                return body
            name = self._said(schema).get("name", root)
            return b"".join((b'<?xml version="1.0" encoding="UTF-8"?>\n', "".join(self._element(name, read(body), schema)).encode()))

        return written

    def _element(self, name: str, value: Any, schema: Schema | None) -> Iterator[str]:
        said, shape = self._said(schema), self._shape(schema)
        tag, spaces = _tag(name, said)
        if isinstance(value, dict):
            held = {one: shape.properties[one] for one in value if one in shape.properties and self._said(shape.properties[one]).get("attribute") is True}
            attributes = "".join(f" {_name(self._said(one).get('name', key))}={quoteattr(_text(value[key]))}" for key, one in held.items() if value[key] is not None)
            yield f"<{tag}{spaces}{attributes}>"
            for key, one in value.items():
                if key not in held:
                    yield from self._member(key, one, shape)
            yield f"</{tag}>"
        elif isinstance(value, list):
            inner = str(self._said(shape.items).get("name", name))
            yield f"<{tag}{spaces}>"
            for one in value:
                yield from self._element(inner, one, shape.items)
            yield f"</{tag}>"
        elif value is None:
            yield f'<{tag}{spaces} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>'
        else:
            yield f"<{tag}{spaces}>{escape(_text(value))}</{tag}>"

    def _member(self, name: str, value: Any, shape: Shape) -> Iterator[str]:
        schema = shape.properties.get(name) or (shape.additional if isinstance(shape.additional, Schema) else None)
        said = self._said(schema)
        if isinstance(value, list) and said.get("wrapped") is not True:
            own = self._shape(schema)
            inner = str(self._said(own.items).get("name", name))
            for one in value:
                yield from self._element(inner, one, own.items)
        else:
            yield from self._element(str(said.get("name", name)), value, schema)


def _scalar(text: str, shape: Shape) -> Any:
    coerce = scalar(types_of(shape))
    return text if coerce is None else coerce(text)


def _tag(name: str, said: Mapping[str, Any]) -> tuple[str, str]:
    """An element's name with its prefix, and the namespace it declares."""
    prefix, space = said.get("prefix"), said.get("namespace")
    tag = f"{_name(prefix)}:{_name(name)}" if prefix else _name(name)
    return tag, "" if not space else f" xmlns{':' + _name(prefix) if prefix else ''}={quoteattr(str(space))}"


def _name(text: Any) -> str:
    return NO_NAME.sub("_", str(text)) or "_"


def _text(value: Any) -> str:
    """A scalar as XML Schema writes it."""
    return NO_CHARACTER.sub("\ufffd", value) if isinstance(value, str) else write(value).decode()
