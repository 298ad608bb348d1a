//! The steps themselves: each takes what it needs out of the call, does its work, and answers.

use actix_web::web::block;
use serde_json::{Map, Value, json};

use super::document::{Pdf, decode, sha256, words};
use super::properties::Properties;
use crate::worker::{Answer, Completion, Progress, StepCall, StepFailure};

/// *Carga Usuario*: decodes the document and notes its name, size and SHA-256.
pub(super) async fn fetch_user(mut call: StepCall) -> Result<Answer, StepFailure> {
    let properties = Properties::take_from(&mut call.context);
    let base64 = take_text(&mut call.context, "base64")?;
    let name = take_text(&mut call.context, "nombre_documento").unwrap_or_else(|_| "documento".to_owned());
    call.report_progress(Progress::at(0.0).message("Decodificando el documento").current_task("decodificar"));

    let (size_bytes, sha256) = off_thread(move || {
        let bytes = decode(&base64)?;
        Ok((bytes.len(), sha256(&bytes)))
    })
    .await?;

    let message = format!("'{name}' cargado: {size_bytes} bytes");
    call.report_progress(Progress::at(100.0).message(message));
    let properties =
        properties.with("nombre_documento", name).with("documento_bytes", size_bytes).with("sha256", sha256);
    Ok(properties.into_answer())
}

/// *Validación Usuario*: checks that the document is a PDF that can be read, and counts its pages.
pub(super) async fn validate_user(mut call: StepCall) -> Result<Answer, StepFailure> {
    let properties = Properties::take_from(&mut call.context);
    let base64 = take_text(&mut call.context, "base64")?;
    call.report_progress(Progress::at(0.0).message("Comprobando el PDF").current_task("validar"));

    let (version, pages) = off_thread(move || {
        let pdf = Pdf::parse(&decode(&base64)?)?;
        Ok((pdf.version().to_owned(), pdf.page_count()))
    })
    .await?;

    call.report_progress(Progress::at(100.0).message(format!("PDF {version} de {pages} páginas")));
    let properties = properties.with("documento_valido", true).with("pdf_version", version).with("paginas", pages);
    Ok(properties.into_answer())
}

/// *Transformación*: extracts the text, and reports after each page.
pub(super) async fn transform_data(mut call: StepCall) -> Result<Answer, StepFailure> {
    let properties = Properties::take_from(&mut call.context);
    let base64 = take_text(&mut call.context, "base64")?;

    // Reports may come from any thread, so that the work can report from where it is done.
    let reporter = call.reporter.clone();
    let text = off_thread(move || {
        let pdf = Pdf::parse(&decode(&base64)?)?;
        let pages = pdf.page_count();
        pdf.text_by_page(|page| reporter.report_progress(page_read(page, pages)))
    })
    .await?;

    let chars: usize = text.iter().map(|page| page.chars().count()).sum();
    let word_count: usize = text.iter().map(|page| words(page).count()).sum();
    let result = json!({"paginas": text.len(), "caracteres": chars, "palabras": word_count});
    if let Value::Object(result) = result {
        call.report_completion(Completion::success().message("Texto extraído").data(result));
    }
    let properties = properties.with("texto", text).with("caracteres", chars).with("palabras", word_count);
    Ok(properties.into_answer())
}

/// *Decisión*: a document without text is rejected, any other approved.
pub(super) async fn decide(mut call: StepCall) -> Result<Answer, StepFailure> {
    let properties = Properties::take_from(&mut call.context);
    let pages = properties.count("paginas")?;
    let (decision, reason, next) = match properties.count("palabras")? {
        0 => {
            let reason = format!("El documento no contiene texto en ninguna de sus {pages} páginas.");
            ("rechazado", reason, "reject_user")
        }
        words => {
            let reason = format!("El documento contiene {words} palabras en {pages} páginas.");
            ("aprobado", reason, "approve_user")
        }
    };
    Ok(properties.with("decision", decision).with("motivo", reason).into_answer().next(next))
}

/// *Aprobar Usuario*: notes the good outcome.
pub(super) async fn approve_user(call: StepCall) -> Result<Answer, StepFailure> {
    record_outcome(call, "aprobado")
}

/// *Rechazar Usuario*: notes the bad outcome.
pub(super) async fn reject_user(call: StepCall) -> Result<Answer, StepFailure> {
    record_outcome(call, "rechazado")
}

fn record_outcome(mut call: StepCall, outcome: &str) -> Result<Answer, StepFailure> {
    let properties = Properties::take_from(&mut call.context);
    let name = properties.text("nombre_documento")?;
    let reason = properties.text("motivo")?;
    let message = format!("'{name}' {outcome}: {reason}");
    Ok(properties.with("resultado", outcome).with("mensaje", message).into_answer())
}

fn page_read(page: usize, pages: usize) -> Progress {
    Progress::at(page as f64 / pages as f64 * 100.0)
        .message(format!("Página {page} de {pages}"))
        .current_task("extraer texto")
        .custom_data(json!({"pagina": page, "paginas": pages}))
}

/// Takes a text out of the context: a document of megabytes is moved, not copied.
fn take_text(context: &mut Map<String, Value>, key: &str) -> Result<String, StepFailure> {
    match context.remove(key) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(StepFailure::permanent("InvalidField", format!("El campo '{key}' debe ser un texto."))),
        None => Err(StepFailure::permanent("MissingField", format!("Falta el campo '{key}'."))),
    }
}

/// Does work that keeps a core busy where it holds up no other call.
async fn off_thread<T, F>(work: F) -> Result<T, StepFailure>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StepFailure> + Send + 'static,
{
    block(work).await?
}
