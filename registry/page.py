"""Pages: a dossier as one HTML file that needs nothing else: no script, no font, no address; it can be printed.

What strangers wrote is text in it and nothing more: it is escaped, control and format characters are shown as their escapes,
and the page's own policy lets nothing be loaded or run, should that ever fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from registry import export
from signing.canonical import Json

_STYLE = (
    "body{font:15px/1.45 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}"
    "h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:1.6rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0;border-bottom:1px solid #ccc;overflow-wrap:anywhere}"
    "@media print{body{margin:0;max-width:none}tr{break-inside:avoid}}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_NOTHING = "none"


def page(dossier: Mapping[str, Json]) -> str:
    """Return a dossier as an HTML document."""
    title = f"Dossier of {_name(dossier)}"
    return "".join(
        [
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{_text(title)}</h1>",
            *_sections(dossier),
            "<p>Licenses are what publishers declared. An evaluation belongs to the artifact that it was made on. What nobody ",
            "reported is not found. The signed file beside this page says which page belongs to it.</p>",
            "</body></html>\n",
        ]
    )


def _sections(dossier: Mapping[str, Json]) -> Iterable[str]:
    """Go through the dossier's members in their order: what is one value in one table, each list in its own."""
    single = {key: value for key, value in dossier.items() if not _is_list(value) or key == "names"}
    changed = single.pop("changed", None)
    single["time"] = export.moment(int(str(single["time"])))
    yield "<h2>Summary</h2>" + _pairs(single)
    for key, value in dossier.items():
        if _is_list(value) and key != "names":
            yield f"<h2>{_label(key)}</h2>" + _rows(_list(value))
    yield "<h2>Changed</h2>"
    yield _pairs(changed) if isinstance(changed, Mapping) else "<p>compared with nothing earlier</p>"


def _rows(rows: Sequence[Json]) -> str:
    found = [row for row in rows if isinstance(row, Mapping)]
    if not found:
        return f"<p>{_NOTHING}</p>"
    heads = "".join(f"<th>{_label(key)}</th>" for key in found[0])
    lines = ("".join(f"<td>{_value(value)}</td>" for value in row.values()) for row in found)
    return f"<table><tr>{heads}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _pairs(values: Mapping[str, Json]) -> str:
    lines = (f"<tr><th>{_label(key)}</th><td>{_value(value)}</td></tr>" for key, value in values.items())
    return f"<table>{''.join(lines)}</table>"


def _value(value: Json) -> str:
    """Return any value of a dossier as markup; what is not known is said, not left blank."""
    if value is None:
        return "<em>unknown</em>"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return _pairs(value)
    if _is_list(value):
        found = _list(value)
        nested = any(isinstance(one, Mapping) for one in found)
        return _rows(found) if nested else ", ".join(_text(str(one)) for one in found) or _NOTHING
    return _text(str(value))


def _name(dossier: Mapping[str, Json]) -> str:
    names = _list(dossier["names"])
    return str(names[0] if names else dossier["artifact"])


def _label(key: str) -> str:
    return _text(key.replace("_", " "))


def _text(value: str) -> str:
    return escape(export.plain(value))


def _is_list(value: Json) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
