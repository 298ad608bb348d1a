//! What an execution is started with, as the command line gives it.

use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::exit::UsageError;
use super::text::io_reason;

/// The type of a file that nobody knows better.
const MIME_UNKNOWN: &str = "application/octet-stream";

/// The data of `--data`: JSON, `@` and a file that holds it, or `-` for stdin.
pub(super) fn read(given: &str) -> Result<Map<String, Value>, UsageError> {
    let (text, place) = match given.strip_prefix('@') {
        _ if given == "-" => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| UsageError(format!("The data on stdin cannot be read: {}.", io_reason(&error))))?;
            (text, "The data on stdin".to_owned())
        }
        Some(file) => {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|error| {
                UsageError(format!("--data: the file {file} cannot be read: {}.", io_reason(&error)))
            })?;
            (text, file.to_owned())
        }
        None => (given.to_owned(), "--data".to_owned()),
    };
    parse(&text, &place).map_err(|UsageError(sentence)| match Path::new(given).is_file() {
        true => UsageError(format!("{sentence} Did you mean `--data @{given}`?")),
        false => UsageError(sentence),
    })
}

fn parse(text: &str, place: &str) -> Result<Map<String, Value>, UsageError> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or(&what);
        let (line, column) = (error.line(), error.column());
        UsageError(format!("{place} is no JSON: line {line}, column {column}: {what}."))
    })?;
    match value {
        Value::Object(map) => Ok(map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(UsageError(format!("{place} must be a JSON object, such as {{\"nombre\": \"Ana\"}}.")))
        }
    }
}

/// Adds `file` as `base64`, `mime` and `nombre_documento`; a type and a name that are there already stay.
pub(super) fn add_file(data: &mut Map<String, Value>, file: &Path) -> Result<(), UsageError> {
    if data.contains_key("base64") {
        return Err(UsageError("There is `base64` in --data already, so --file has no place there.".to_owned()));
    }
    let content = std::fs::read(file);
    let content = content
        .map_err(|error| UsageError(format!("--file: {} cannot be read: {}.", file.display(), io_reason(&error))))?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    data.insert("base64".to_owned(), STANDARD.encode(&content).into());
    data.entry("mime").or_insert_with(|| mime(&content, &name).into());
    data.entry("nombre_documento").or_insert_with(|| name.into());
    Ok(())
}

/// The type of a file: by how it begins, or else by its name.
fn mime(content: &[u8], name: &str) -> &'static str {
    let beginnings: [(&[u8], &str); 5] = [
        (b"%PDF-", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"II*\0", "image/tiff"),
    ];
    if let Some((_, mime)) = beginnings.iter().find(|(beginning, _)| content.starts_with(beginning)) {
        return mime;
    }
    match name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).as_deref() {
        Some("pdf") => "application/pdf",
        Some("txt") => "text/plain",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Some("tif" | "tiff") => "image/tiff",
        Some(_) | None => MIME_UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_is_an_object_or_a_sentence() {
        assert_eq!(read(r#"{"a": 1}"#).unwrap(), *json!({"a": 1}).as_object().unwrap());
        let refusal = |given: &str| read(given).unwrap_err().0;
        assert_eq!(refusal("{\"a\": tru}"), "--data is no JSON: line 1, column 10: expected ident.");
        assert!(refusal("[1]").starts_with("--data must be a JSON object"));
        assert!(refusal("@no/such").starts_with("--data: the file no/such cannot be read: "));
    }

    #[test]
    fn a_file_that_lacks_its_sign_is_recognised() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("data.json");
        std::fs::write(&file, "{\n  \"a\": ]").unwrap();
        let given = file.to_str().unwrap();
        assert!(read(given).unwrap_err().0.ends_with(&format!("Did you mean `--data @{given}`?")));
        let slip = read(&format!("@{given}")).unwrap_err().0;
        assert_eq!(slip, format!("{given} is no JSON: line 2, column 8: expected value."));
    }

    #[test]
    fn a_file_is_added_with_its_type_and_name() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("año.PDF");
        std::fs::write(&file, "%PDF-1.4").unwrap();
        let mut data = Map::new();
        add_file(&mut data, &file).unwrap();
        let expected = json!({"base64": "JVBERi0xLjQ=", "mime": "application/pdf", "nombre_documento": "año.PDF"});
        assert_eq!(Value::Object(data.clone()), expected);
        assert!(add_file(&mut data, &file).unwrap_err().0.contains("`base64`"));
        let mut named = json!({"nombre_documento": "otro"}).as_object().unwrap().clone();
        add_file(&mut named, &file).unwrap();
        assert_eq!(named["nombre_documento"], "otro");
        assert_eq!([mime(b"x", "a.txt"), mime(b"x", "a")], ["text/plain", MIME_UNKNOWN]);
    }
}
