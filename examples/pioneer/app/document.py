"""The work on a document: decoding, parsing, and reading its text. All of it may take long."""

import base64
import binascii
import hashlib
import io
import re
from collections.abc import Callable

from pypdf import PdfReader

from pioneer import StepFailed

MAGIC_OFFSET_BYTES_MAX = 1024
"""How far into a file its ``%PDF-`` may begin: readers have always tolerated bytes before it."""


def decode(text: str) -> bytes:
    """Decodes a document; line breaks in the base64 are tolerated."""
    packed = re.sub(r"[ \t\n\f\r]", "", text)
    try:
        document = base64.b64decode(packed, validate=True)
        # Left-over bits in the last group would make two texts of one document.
        if base64.b64encode(document[(len(document) - 1) // 3 * 3 :]) != packed[-4:].encode():
            raise binascii.Error("Invalid last symbol")
    except ValueError as error:
        detail = f"El campo 'base64' no contiene base64 válido: {error}"
        raise StepFailed(detail, type="NotBase64") from None
    if not document:
        raise StepFailed("El documento está vacío.", type="EmptyDocument")
    return document


def sha256(document: bytes) -> str:
    """The SHA-256 of the bytes, in lower-case hexadecimal."""
    return hashlib.sha256(document).hexdigest()


class Pdf:
    """A PDF that can be read."""

    def __init__(self, document: bytes) -> None:
        """Parses a document, or says why it cannot be worked on."""
        header = re.search(rb"%PDF-([^\r\n]*)", document[:MAGIC_OFFSET_BYTES_MAX])
        if header is None:
            raise StepFailed("El documento no es un PDF: no empieza por '%PDF-'.", type="NotAPdf")
        self.version = header[1].decode("latin-1")
        try:
            self._reader = PdfReader(io.BytesIO(document))
            is_encrypted = self._reader.is_encrypted
            self.page_count = 0 if is_encrypted else len(self._reader.pages)
        except Exception as error:
            raise _unreadable(error) from None
        if is_encrypted:
            raise StepFailed("El PDF está cifrado y no se puede leer.", type="EncryptedPdf")
        if self.page_count == 0:
            raise StepFailed("El PDF no tiene páginas.", type="UnreadablePdf")

    def text_by_page(self, on_page: Callable[[int], object]) -> list[str]:
        """The normalised text of each page; ``on_page`` hears the number (from 1) of every page that was read."""
        pages = []
        for number in range(1, self.page_count + 1):
            try:
                text = self._reader.pages[number - 1].extract_text()
            except Exception as error:
                raise _unreadable(error) from None
            pages.append(normalise(text))
            on_page(number)
        return pages


def normalise(text: str) -> str:
    """Brings the text of a page into the one form that does not depend on the library that read it: white space is
    one space, lines are trimmed, and there are no empty ones.

    The rule stands in ``src/example/document.rs``, for both languages.
    """
    lines = (" ".join(line.split()) for line in re.split(r"\r\n|\n|\r", text))
    return "\n".join(line for line in lines if line)


def _unreadable(error: Exception) -> StepFailed:
    # A damaged PDF shows up as any of the errors that Python has.
    return StepFailed(f"El PDF no se puede leer: {str(error) or type(error).__name__}", type="UnreadablePdf")
