"""The steps of the example workflow, *Procesamiento de Documentos*, which do real work on the PDF that an execution
brings as base64 in ``context["base64"]`` (with ``mime`` and ``nombre_documento`` beside it).

Every step leaves its results in ``context["dynamic_properties"]``, where the next one finds them. Discovery merges an
answer's context key by key, so that a step answers with the whole of them: the old ones and its own.

A step of your own goes into a file beside this one: see ``mi_step.py``.
"""

from typing import Any

from pioneer import StepFailed, register, report_completion, report_progress

from .document import Pdf, decode, sha256

__all__ = ["StepFailed", "register", "report_completion", "report_progress"]

Json = dict[str, Any]


@register("fetch_user")
def fetch_user(context: Json, config: Json) -> Json:
    """Carga el documento y anota su tamaño y su SHA-256.

    Decodifica el base64 de `context.base64`. Deja `nombre_documento`, `documento_bytes` y `sha256`.
    """
    execution_id = context.get("execution_id")
    base64 = _text(context, "base64")
    name = context.get("nombre_documento")
    if not isinstance(name, str):
        name = "documento"
    report_progress(
        execution_id,
        "fetch_user",
        {"percentage": 0, "message": "Decodificando el documento", "current_task": "decodificar"},
    )
    document = decode(base64)
    message = f"'{name}' cargado: {len(document)} bytes"
    found = {"nombre_documento": name, "documento_bytes": len(document), "sha256": sha256(document)}
    report_progress(execution_id, "fetch_user", {"percentage": 100, "message": message})
    return _answer(context, found)


@register("validate_user")
def validate_user(context: Json, config: Json) -> Json:
    """Comprueba que el documento es un PDF y cuenta sus páginas.

    Falla sin reintento (422) si no lo es o está cifrado. Deja `documento_valido`, `pdf_version` y `paginas`.
    """
    execution_id = context.get("execution_id")
    base64 = _text(context, "base64")
    report_progress(
        execution_id,
        "validate_user",
        {"percentage": 0, "message": "Comprobando el PDF", "current_task": "validar"},
    )
    pdf = Pdf(decode(base64))
    message = f"PDF {pdf.version} de {pdf.page_count} páginas"
    report_progress(execution_id, "validate_user", {"percentage": 100, "message": message})
    found = {"documento_valido": True, "pdf_version": pdf.version, "paginas": pdf.page_count}
    return _answer(context, found)


@register("transform_data")
def transform_data(context: Json, config: Json) -> Json:
    """Extrae el texto página a página.

    Informa del progreso en cada página. Deja `texto` (una cadena por página), `caracteres` y `palabras`.
    """
    execution_id = context.get("execution_id")
    pdf = Pdf(decode(_text(context, "base64")))

    def page_read(page: int) -> None:
        progress = {
            "percentage": page / pdf.page_count * 100,
            "message": f"Página {page} de {pdf.page_count}",
            "current_task": "extraer texto",
            "custom_data": {"pagina": page, "paginas": pdf.page_count},
        }
        report_progress(execution_id, "transform_data", progress)

    text = pdf.text_by_page(page_read)
    counts = {"caracteres": sum(map(len, text)), "palabras": sum(len(page.split()) for page in text)}
    result = {"paginas": len(text), **counts}
    report_completion(execution_id, "transform_data", {"success": True, "message": "Texto extraído", "data": result})
    return _answer(context, {"texto": text, **counts})


@register("decide")
async def decide(context: Json, config: Json) -> Json:
    """Decide según el texto encontrado.

    Un documento sin texto va a `reject_user`, cualquier otro a `approve_user`. Deja `decision` y `motivo`.
    """
    pages, words = _left_count(context, "paginas"), _left_count(context, "palabras")
    if words == 0:
        reason = f"El documento no contiene texto en ninguna de sus {pages} páginas."
        return _answer(context, {"decision": "rechazado", "motivo": reason}) | {"next": "reject_user"}
    reason = f"El documento contiene {words} palabras en {pages} páginas."
    return _answer(context, {"decision": "aprobado", "motivo": reason}) | {"next": "approve_user"}


@register("approve_user")
async def approve_user(context: Json, config: Json) -> Json:
    """Anota que el documento se aprueba.

    Deja `resultado` (`aprobado`) y `mensaje`.
    """
    return _record_outcome(context, "aprobado")


@register("reject_user")
async def reject_user(context: Json, config: Json) -> Json:
    """Anota que el documento se rechaza.

    Solo se llega desde `decide`. Deja `resultado` (`rechazado`) y `mensaje`.
    """
    return _record_outcome(context, "rechazado")


def _record_outcome(context: Json, outcome: str) -> Json:
    name, reason = _left_text(context, "nombre_documento"), _left_text(context, "motivo")
    return _answer(context, {"resultado": outcome, "mensaje": f"'{name}' {outcome}: {reason}"})


def _answer(context: Json, found: Json) -> Json:
    return {"context": {"dynamic_properties": _properties(context) | found}}


def _properties(context: Json) -> Json:
    properties = context.get("dynamic_properties")
    return properties if isinstance(properties, dict) else {}


def _text(context: Json, key: str) -> str:
    if key not in context:
        raise StepFailed(f"Falta el campo '{key}'.", type="MissingField")
    value = context[key]
    if not isinstance(value, str):
        raise StepFailed(f"El campo '{key}' debe ser un texto.", type="InvalidField")
    return value


def _left_text(context: Json, key: str) -> str:
    value = _properties(context).get(key)
    if not isinstance(value, str):
        raise _not_left(key)
    return value


def _left_count(context: Json, key: str) -> int:
    value = _properties(context).get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _not_left(key)
    return value


def _not_left(key: str) -> StepFailed:
    return StepFailed(f"Falta 'dynamic_properties.{key}', que deja un paso anterior.", type="MissingField")
