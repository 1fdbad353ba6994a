"""The mergekit YAML dialect: an input that compiles to the canonical recipe, with every guess reported.

`parse` reads text into documents, strictly; `Document.references` says which models they name; `Document.compile`
takes the artifacts these stand for and returns a recipe with notes. Every method of arithmetic 1 is read by its name;
what mergekit would drop in silence, unknown keys and parameters above all, is refused by its place.
"""

from merger.dialect.document import Compiled, Document
from merger.dialect.reading import document
from merger.dialect.text import documents
from signing.errors import Malformed

__all__ = ["Compiled", "Document", "parse"]


def parse(text: str) -> tuple[Document, ...]:
    """Read the documents of a merge configuration, or say in a sentence which place is wrong and why."""
    values = documents(text)
    if not values:
        raise Malformed("the text holds no document")
    if len(values) == 1:
        return (document("the document", values[0]),)
    found = []
    for i, value in enumerate(values, 1):
        try:
            found.append(document("the document", value))
        except Malformed as error:
            raise Malformed(f"document {i}: {error}") from None
    return tuple(found)
