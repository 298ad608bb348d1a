//! The work on a document: decoding, parsing, and reading its text. Nothing here is async; all of it may take long.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lopdf::LoadOptions;
use sha2::{Digest, Sha256};

use crate::worker::StepFailure;

/// How large one stream of a PDF may become when it is decompressed: a few bytes can claim gigabytes.
const STREAM_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How far into a file its `%PDF-` may begin: readers have always tolerated bytes before it.
const MAGIC_OFFSET_BYTES_MAX: usize = 1024;

const MAGIC: &[u8] = b"%PDF-";

/// Decodes a document; line breaks in the base64 are tolerated.
pub(super) fn decode(base64: &str) -> Result<Vec<u8>, StepFailure> {
    let decoded = if base64.bytes().any(|byte| byte.is_ascii_whitespace()) {
        let packed: Vec<u8> = base64.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        STANDARD.decode(packed)
    } else {
        STANDARD.decode(base64)
    };
    match decoded {
        Ok(bytes) if bytes.is_empty() => Err(StepFailure::permanent("EmptyDocument", "El documento está vacío.")),
        Ok(bytes) => Ok(bytes),
        Err(error) => {
            let detail = format!("El campo 'base64' no contiene base64 válido: {error}");
            Err(StepFailure::permanent("NotBase64", detail))
        }
    }
}

/// The SHA-256 of the bytes, in lower-case hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A PDF that can be read.
pub(super) struct Pdf(lopdf::Document);

impl Pdf {
    /// Parses a document, or says why it cannot be worked on.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, StepFailure> {
        let head = bytes.get(..MAGIC_OFFSET_BYTES_MAX).unwrap_or(bytes);
        if !head.windows(MAGIC.len()).any(|window| window == MAGIC) {
            return Err(StepFailure::permanent("NotAPdf", "El documento no es un PDF: no empieza por '%PDF-'."));
        }
        let options = LoadOptions { max_decompressed_size: Some(STREAM_BYTES_MAX), ..LoadOptions::default() };
        let document = lopdf::Document::load_mem_with_options(bytes, options).map_err(|error| unreadable(&error))?;
        if document.is_encrypted() {
            return Err(StepFailure::permanent("EncryptedPdf", "El PDF está cifrado y no se puede leer."));
        }
        let pdf = Self(document);
        if pdf.page_count() == 0 {
            return Err(StepFailure::permanent("UnreadablePdf", "El PDF no tiene páginas."));
        }
        Ok(pdf)
    }

    /// How many pages it has.
    pub(super) fn page_count(&self) -> usize {
        self.0.get_pages().len()
    }

    /// The version that its header names, such as `1.4`.
    pub(super) fn version(&self) -> &str {
        &self.0.version
    }

    /// The normalised text of each page; `on_page` hears the number (from 1) of every page that was read.
    pub(super) fn text_by_page(&self, on_page: impl Fn(usize)) -> Result<Vec<String>, StepFailure> {
        let mut pages = Vec::new();
        for (index, number) in self.0.get_pages().into_keys().enumerate() {
            let text =
                self.0.extract_text_with_limit(&[number], STREAM_BYTES_MAX).map_err(|error| unreadable(&error))?;
            pages.push(normalise(&text));
            on_page(index + 1);
        }
        Ok(pages)
    }
}

/// Brings the text of a page into the one form that does not depend on the library that read it.
///
/// The rule, for whoever writes the same step in another language:
/// 1. split into lines at `\r\n`, `\n` and `\r`, at nothing else;
/// 2. in each line, replace every run of white space by one space and trim the ends. White space is what Python's
///    `str.split()` takes for it: Unicode `White_Space`, and U+001C to U+001F;
/// 3. drop the lines that are empty;
/// 4. join the rest with `\n`.
///
/// In Python: `"\n".join(l for l in (" ".join(l.split()) for l in re.split(r"\r\n|\n|\r", text)) if l)`.
pub(super) fn normalise(text: &str) -> String {
    // A `\r\n` leaves an empty line between its two halves, which is dropped.
    let lines = text.split(['\r', '\n']).map(|line| words(line).collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The words of a text, by the white space of [`normalise`].
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_space = |c: char| c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}');
    text.split(is_space).filter(|word| !word.is_empty())
}

fn unreadable(error: &lopdf::Error) -> StepFailure {
    StepFailure::permanent("UnreadablePdf", format!("El PDF no se puede leer: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_normalised_by_the_rule() {
        let text = "\r\n  Año \t nuevo\u{a0}\u{2003}feliz \r\r\n\u{1c}\n fin\u{1f}del\u{b}texto\u{85}";
        assert_eq!(normalise(text), "Año nuevo feliz\nfin del texto");
        assert_eq!(normalise(" \n\t\r "), "");
    }

    #[test]
    fn base64_may_have_line_breaks_but_nothing_strange() {
        assert_eq!(decode("aG9s\r\nYQ==\n").unwrap(), b"hola");
        assert_eq!(decode("no es base64").unwrap_err().error_type(), "NotBase64");
        assert_eq!(decode("").unwrap_err().error_type(), "EmptyDocument");
    }

    #[test]
    fn the_sha_256_is_written_in_hexadecimal() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), empty);
    }
}
