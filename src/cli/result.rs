//! What the example found in its document, as text.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde_json::{Map, Value};

use super::text::{count, one_line, shortened};

/// As much of a page's text as is shown.
const PAGE_LINES_MAX: usize = 5;
const PAGE_LINE_CHARS_MAX: usize = 160;
/// How wide the result is where nobody says how wide the terminal is, and at most.
const WIDTH_MAX: u16 = 100;

/// The result of the example as its context tells it; `url` says where a path of the API is.
pub(super) fn render(context: &Value, terminal_width: Option<u16>, url: impl Fn(&str) -> String) -> String {
    let empty = Map::new();
    let found = context.get("dynamic_properties").and_then(Value::as_object).unwrap_or(&empty);
    let mut text = facts(found);
    if let Some(pages) = found.get("texto").and_then(Value::as_array) {
        let width = terminal_width.unwrap_or(WIDTH_MAX).min(WIDTH_MAX);
        text.push('\n');
        text.push_str(&table_of(pages, width, url));
        text.push('\n');
    }
    text
}

fn facts(found: &Map<String, Value>) -> String {
    let word = |key: &str| found.get(key).and_then(Value::as_str).map(one_line);
    let number = |key: &str| found.get(key).and_then(Value::as_u64).map(count);
    let document = word("nombre_documento").map(|name| match (number("documento_bytes"), word("pdf_version")) {
        (Some(bytes), Some(version)) => format!("{name}, {bytes} bytes, PDF {version}"),
        (Some(bytes), None) => format!("{name}, {bytes} bytes"),
        (None, _) => name,
    });
    let decision = word("decision").map(|decision| match word("motivo") {
        Some(reason) => format!("{decision}: {reason}"),
        None => decision,
    });
    let facts = [
        ("Document", document),
        ("SHA-256", word("sha256")),
        ("Pages", number("paginas")),
        ("Words", number("palabras")),
        ("Decision", decision),
    ];
    let lines = facts.into_iter().filter_map(|(label, value)| Some(format!("  {label:<9} {}\n", value?)));
    lines.collect()
}

fn table_of(pages: &[Value], width: u16, url: impl Fn(&str) -> String) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(["Page", "Words", "Text"]);
    for (place, page) in pages.iter().enumerate() {
        let words = page.as_str().map(|text| text.split_whitespace().count());
        let words = words.map_or_else(|| "?".to_owned(), |words| count(words as u64));
        table.add_row([(place + 1).to_string(), words, excerpt(page, &url)]);
    }
    for column in table.column_iter_mut().take(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// The beginning of a page, or where a long one is kept.
fn excerpt(page: &Value, url: impl Fn(&str) -> String) -> String {
    if let Some(kept) = page.get("$payload") {
        let bytes = kept.get("bytes").and_then(Value::as_u64).unwrap_or(0);
        let path = kept.get("url").and_then(Value::as_str).unwrap_or_default();
        return format!("({} bytes, at {})", count(bytes), url(path));
    }
    let mut lines = page.as_str().unwrap_or_default().lines().map(one_line).filter(|line| !line.is_empty());
    let mut shown: Vec<String> =
        lines.by_ref().take(PAGE_LINES_MAX).map(|line| shortened(&line, PAGE_LINE_CHARS_MAX)).collect();
    match lines.count() {
        0 if shown.is_empty() => shown.push("(no text)".to_owned()),
        0 => {}
        1 => shown.push("… 1 line more".to_owned()),
        more => shown.push(format!("… {more} lines more")),
    }
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(found: &Value) -> String {
        render(&json!({"dynamic_properties": found}), Some(60), |path| format!("http://h{path}"))
    }

    #[test]
    fn a_result_shows_the_decision_and_the_beginning_of_each_page() {
        let text = rendered(&json!({
            "nombre_documento": "documento.pdf", "documento_bytes": 5120, "pdf_version": "1.4", "paginas": 3,
            "palabras": 1412, "decision": "aprobado", "motivo": "Contiene texto.",
            "texto": ["uno\ndos\ntres\ncuatro\ncinco\nseis\nsiete", "", "sólo\u{1b}[2J una"],
        }));
        let expected = "  \
  Document  documento.pdf, 5,120 bytes, PDF 1.4
  Pages     3
  Words     1,412
  Decision  aprobado: Contiene texto.

───────────────────────────────
 Page   Words   Text
═══════════════════════════════
    1       7   uno
                dos
                tres
                cuatro
                cinco
                … 2 lines more
───────────────────────────────
    2       0   (no text)
───────────────────────────────
    3       2   sólo [2J una
───────────────────────────────
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_long_page_is_shown_by_its_address() {
        let kept = json!({"$payload": {"sha256": "ab", "bytes": 20480, "url": "/executions/e/payloads/ab"}});
        let text = rendered(&json!({"texto": [kept]}));
        assert!(text.contains("(20,480 bytes, at"), "{text}");
        assert!(text.contains("/executions/e/payloads/ab"), "{text}");
    }

    #[test]
    fn a_result_of_another_shape_is_no_reason_to_break() {
        assert_eq!(render(&json!({"dynamic_properties": 7}), None, str::to_owned), "");
    }
}
