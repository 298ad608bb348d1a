//! The steps of the example workflow, *Procesamiento de Documentos*, which do real work on the PDF that an execution
//! brings as base64 in `context.base64` (with `mime` and `nombre_documento` beside it).
//!
//! Every step leaves its results in `context.dynamic_properties`, where the next one finds them:
//!
//! | step | handler | leaves |
//! | --- | --- | --- |
//! | *Carga Usuario* | `fetch_user` | `nombre_documento`, `documento_bytes`, `sha256` |
//! | *Validación Usuario* | `validate_user` | `documento_valido`, `pdf_version`, `paginas` |
//! | *Transformación* | `transform_data` | `texto` (one string per page), `caracteres`, `palabras` |
//! | *Decisión* | `decide` | `decision`, `motivo` |
//! | *Aprobar Usuario* | `approve_user` | `resultado`, `mensaje` |
//! | *Rechazar Usuario* | `reject_user` | `resultado`, `mensaje` |
//!
//! `steps.rs` shows what a step looks like; `document.rs` holds the work itself, and `properties.rs` how the results
//! are kept.

mod document;
mod properties;
mod steps;

#[cfg(test)]
mod tests;

use crate::worker::{Pioneer, SetupError};

/// Where `GET /steps` says that the steps come from.
pub const SERVICE: &str = "pioneer-service";

/// The service with all the steps of the example, ready to be bound.
pub fn pioneer() -> Result<Pioneer, SetupError> {
    Pioneer::new(SERVICE)
        .documented_step(
            "fetch_user",
            "Carga el documento y anota su tamaño y su SHA-256",
            "Decodifica el base64 de `context.base64`. Deja `nombre_documento`, `documento_bytes` y `sha256`.",
            steps::fetch_user,
        )?
        .documented_step(
            "validate_user",
            "Comprueba que el documento es un PDF y cuenta sus páginas",
            "Falla sin reintento (422) si no lo es o está cifrado. Deja `documento_valido`, `pdf_version` y `paginas`.",
            steps::validate_user,
        )?
        .documented_step(
            "transform_data",
            "Extrae el texto página a página",
            "Informa del progreso en cada página. Deja `texto` (una cadena por página), `caracteres` y `palabras`.",
            steps::transform_data,
        )?
        .documented_step(
            "decide",
            "Decide según el texto encontrado",
            "Un documento sin texto va a `reject_user`, cualquier otro a `approve_user`. Deja `decision` y `motivo`.",
            steps::decide,
        )?
        .documented_step(
            "approve_user",
            "Anota que el documento se aprueba",
            "Deja `resultado` (`aprobado`) y `mensaje`.",
            steps::approve_user,
        )?
        .documented_step(
            "reject_user",
            "Anota que el documento se rechaza",
            "Solo se llega desde `decide`. Deja `resultado` (`rechazado`) y `mensaje`.",
            steps::reject_user,
        )
}
