//! The whole example over HTTP, on the documents that come with it.

use awc::Client;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::pioneer;
use crate::worker::RunningPioneer;
use crate::worker::tests::discovery::Discovery;

const DOCUMENT: &[u8] = include_bytes!("../../examples/documento.pdf");
const DOCUMENT_WITHOUT_TEXT: &[u8] = include_bytes!("../../examples/documento_vacio.pdf");

fn start() -> RunningPioneer {
    pioneer().unwrap().workers(1).bind("127.0.0.1:0").unwrap()
}

fn data(document: &[u8]) -> Value {
    named(document, "solicitud.pdf")
}

fn named(document: &[u8], name: &str) -> Value {
    json!({"base64": STANDARD.encode(document), "mime": "application/pdf", "nombre_documento": name})
}

async fn call(running: &RunningPioneer, step: &str, context: &Value) -> (u16, Value) {
    let body = json!({"step": step, "context": context, "config": {}});
    let url = format!("{}/steps/{step}", running.url());
    let mut response = Client::default().post(url).send_json(&body).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Runs the steps as Discovery would: in order, following `next`, merging key by key. Returns the way it took and
/// the properties at its end.
async fn run(document: &[u8]) -> (Vec<String>, Value) {
    let mut context = data(document);
    context["dynamic_properties"] = json!({"cliente": "ACME"});
    run_on(context).await
}

async fn run_on(mut context: Value) -> (Vec<String>, Value) {
    let running = start();
    let order = ["fetch_user", "validate_user", "transform_data", "decide"];
    let mut way: Vec<String> = order.iter().map(|step| (*step).to_owned()).collect();
    let mut at = 0;
    while let Some(step) = way.get(at) {
        let (status, answer) = call(&running, step, &context).await;
        assert_eq!(status, 200, "{answer}");
        for (key, value) in answer["context"].as_object().unwrap() {
            context[key] = value.clone();
        }
        if let Some(next) = answer["next"].as_str() {
            way.push(next.to_owned());
        }
        at += 1;
    }
    (way, context["dynamic_properties"].clone())
}

#[actix_web::test]
async fn a_document_with_text_is_approved() {
    let (way, found) = run(DOCUMENT).await;
    assert_eq!(way.last().unwrap(), "approve_user");
    assert_eq!(found["documento_bytes"], DOCUMENT.len());
    assert_eq!((&found["paginas"], &found["pdf_version"]), (&json!(4), &json!("1.4")));
    assert_eq!((&found["decision"], &found["resultado"]), (&json!("aprobado"), &json!("aprobado")));
    assert_eq!(found["cliente"], "ACME", "what others left stays");
    let text: Vec<&str> = found["texto"].as_array().unwrap().iter().map(|page| page.as_str().unwrap()).collect();
    assert_eq!(text.len(), 4);
    assert!(text[0].starts_with("Solicitud de préstamo personal\nBanco Ejemplo, S. A. · Oficina de Logroño\n"));
    assert!(text[0].contains("Nombre y apellidos: María Ángeles Núñez Güell"));
    assert!(text[1].contains("Gastos fijos mensuales: 910,00 € (alquiler, suministros y teléfono)"));
    assert!(text[3].contains("¡Atención! La aprobación depende del análisis de riesgos \\ solvencia."));
    let words: usize = text.iter().map(|page| page.split_whitespace().count()).sum();
    assert_eq!(found["palabras"], words);
}

#[actix_web::test]
async fn a_document_without_text_is_rejected() {
    let (way, found) = run(DOCUMENT_WITHOUT_TEXT).await;
    assert_eq!(way.last().unwrap(), "reject_user");
    assert_eq!((&found["texto"], &found["palabras"]), (&json!(["", ""]), &json!(0)));
    assert_eq!((&found["decision"], &found["resultado"]), (&json!("rechazado"), &json!("rechazado")));
    assert_eq!(
        found["mensaje"],
        "'solicitud.pdf' rechazado: El documento no contiene texto en ninguna de sus 2 páginas."
    );
}

/// What the service in Python finds too: its tests read the same file.
#[actix_web::test]
async fn both_services_find_the_same_in_the_documents() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pioneer/tests/golden.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
    for (name, document) in [("documento.pdf", DOCUMENT), ("documento_vacio.pdf", DOCUMENT_WITHOUT_TEXT)] {
        let mut context = named(document, name);
        // As Discovery begins an execution: the data stands in both places.
        context["dynamic_properties"] = context.clone();
        let (way, mut found) = run_on(context).await;
        for repeated in ["base64", "mime"] {
            found.as_object_mut().unwrap().remove(repeated);
        }
        let expected = &golden[name];
        assert_eq!(json!(way), expected["steps"], "{name}");
        assert_eq!(found, expected["dynamic_properties"], "{name}");
    }
}

#[actix_web::test]
async fn the_transformation_reports_its_pages_and_its_result_before_it_answers() {
    let (discovery, running) = (Discovery::start(), start());
    let mut response = Client::default()
        .post(format!("{}/steps/transform_data", running.url()))
        .insert_header(("Discovery-Callback-Url", discovery.callback_url()))
        .send_json(&json!({"context": data(DOCUMENT)}))
        .await
        .unwrap();
    let answer: Value = response.json().await.unwrap();
    let received = discovery.received();
    let [.., progress, completion] = &received[..] else { panic!("{received:?}") };
    assert_eq!((&progress.body["percentage"], &progress.body["message"]), (&json!(100.0), &json!("Página 4 de 4")));
    assert_eq!(completion.body["data"]["palabras"], answer["context"]["dynamic_properties"]["palabras"]);
}

#[actix_web::test]
async fn bad_documents_fail_for_good_and_say_why() {
    let running = start();
    let truncated = data(&DOCUMENT[..40]);
    let cases = [
        ("fetch_user", json!({}), "MissingField"),
        ("fetch_user", json!({"base64": 7}), "InvalidField"),
        ("fetch_user", json!({"base64": "¡esto no!"}), "NotBase64"),
        ("fetch_user", json!({"base64": ""}), "EmptyDocument"),
        ("validate_user", data(b"GIF89a, no PDF"), "NotAPdf"),
        ("validate_user", truncated.clone(), "UnreadablePdf"),
        ("transform_data", truncated, "UnreadablePdf"),
        ("decide", json!({"dynamic_properties": {}}), "MissingField"),
        ("approve_user", json!({}), "MissingField"),
        ("reject_user", json!({"dynamic_properties": "text"}), "MissingField"),
    ];
    for (step, context, error_type) in cases {
        let (status, problem) = call(&running, step, &context).await;
        assert_eq!((status, &problem["type"]), (422, &json!(error_type)), "{step} {problem}");
    }
}

#[actix_web::test]
async fn a_document_cut_anywhere_or_with_a_wrong_byte_never_breaks_the_service() {
    let running = start();
    for at in (0..DOCUMENT.len()).step_by(97) {
        let mut damaged = DOCUMENT.to_vec();
        damaged[at] ^= 0x55;
        for document in [&damaged[..], &DOCUMENT[..at]] {
            let (status, answer) = call(&running, "transform_data", &data(document)).await;
            assert!(status == 200 || status == 422, "byte {at}: {status} {answer}");
        }
    }
}

#[actix_web::test]
async fn all_six_steps_are_listed() {
    let pioneer = pioneer().unwrap();
    let names: Vec<&str> = pioneer.step_names().collect();
    assert_eq!(names, ["approve_user", "decide", "fetch_user", "reject_user", "transform_data", "validate_user"]);
}
