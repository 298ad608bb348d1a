#!/usr/bin/env python3
"""Writes the documents of the example workflow, `documento.pdf` and `documento_vacio.pdf`, next to this file.

Only the standard library is needed, and the same bytes come out every time. The streams are not compressed,
so that the files can be read in any editor.
"""

from pathlib import Path

PAGE_WIDTH, PAGE_HEIGHT = 595, 842  # A4, in points

# One list per page: the first entry is its title, an empty one leaves a line free.
SOLICITUD = [
    [
        "Solicitud de préstamo personal",
        "",
        "Banco Ejemplo, S. A. · Oficina de Logroño",
        "Número de solicitud: 2025-000147",
        "Fecha: 22 de agosto de 2025",
        "",
        "1. Datos del solicitante",
        "Nombre y apellidos: María Ángeles Núñez Güell",
        "Documento de identidad: 12345678Z",
        "Fecha de nacimiento: 3 de mayo de 1984",
        "Domicilio: Calle de la Peña, 27, 2.º izquierda (26001 Logroño)",
        "Teléfono: +34 600 000 000",
        "Correo electrónico: maria.nunez@example.com",
    ],
    [
        "2. Situación laboral y económica",
        "",
        "Profesión: ingeniera de caminos",
        "Empresa: Construcciones Íñigo e Hijos, S. L.",
        "Antigüedad: nueve años y cuatro meses",
        "Tipo de contrato: indefinido, jornada completa",
        "",
        "Ingresos netos mensuales: 2.450,00 €",
        "Gastos fijos mensuales: 910,00 € (alquiler, suministros y teléfono)",
        "Otros préstamos vigentes: ninguno",
    ],
    [
        "3. Préstamo que se solicita",
        "",
        "Importe: 18.000,00 €",
        "Plazo: 60 meses",
        "Tipo de interés: 5,95 % nominal anual (TAE 6,11 %)",
        "Cuota mensual estimada: 347,60 €",
        "",
        "¿Para qué se pide? Rehabilitación de la vivienda habitual:",
        "- sustitución de las ventanas,",
        "- aislamiento térmico de la fachada,",
        "- instalación de placas fotovoltaicas.",
    ],
    [
        "4. Declaración y firma",
        "",
        "La solicitante declara que los datos son ciertos y está completa la documentación.",
        "Autoriza a la entidad a comprobarlos según el Reglamento (UE) 2016/679.",
        "¡Atención! La aprobación depende del análisis de riesgos \\ solvencia.",
        "",
        "En Logroño, a 22 de agosto de 2025",
        "",
        "Firmado: María Ángeles Núñez Güell",
    ],
]

PAGES_WITHOUT_TEXT = 2


def literal(text):
    """A PDF string in WinAnsiEncoding, which Python knows as cp1252."""
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return b"(" + escaped.encode("cp1252") + b")"


def text_page(lines):
    """The drawing of one page: a title and its lines, each shown by one `Tj` and ended by a `T*`."""
    title, *rest = lines
    drawing = [b"BT", b"72 770 Td", b"20 TL", b"/F1 16 Tf", literal(title) + b" Tj", b"T*", b"/F1 11 Tf"]
    for line in rest:
        if line:
            drawing.append(literal(line) + b" Tj")
        drawing.append(b"T*")
    drawing.append(b"ET")
    return b"\n".join(drawing)


def drawn_page(number):
    """The drawing of a page without any text, as a scan would be: a frame, a line and a filled box."""
    return b"\n".join([
        b"0.6 G 2 w",
        b"72 72 451 698 re S",
        b"72 700 m 523 700 l S",
        b"0.9 g",
        b"100 %d 200 80 re f" % (500 - 60 * number),
    ])


def pdf(drawings):
    """A whole file: 1 the catalogue, 2 the tree of pages, 3 the font, then each page and its drawing."""
    page_ids = [4 + 2 * index for index in range(len(drawings))]
    kids = " ".join(f"{page_id} 0 R" for page_id in page_ids).encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (es-ES) >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(drawings)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for page_id, drawing in zip(page_ids, drawings):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>"
            % (PAGE_WIDTH, PAGE_HEIGHT, page_id + 1)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing))

    # The second line marks the file as binary for programs that transfer it.
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    xref = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, xref)
    return bytes(out)


def main():
    folder = Path(__file__).resolve().parent
    (folder / "documento.pdf").write_bytes(pdf([text_page(lines) for lines in SOLICITUD]))
    (folder / "documento_vacio.pdf").write_bytes(pdf([drawn_page(number) for number in range(PAGES_WITHOUT_TEXT)]))


if __name__ == "__main__":
    main()
