//! A process notes that it is there, and the next one when it was not.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension};

use crate::support::{Discovery, Options};

fn last_alive(discovery: &Discovery) -> DateTime<Utc> {
    let connection = Connection::open(discovery.database()).unwrap();
    let sql = "SELECT value FROM discovery_settings WHERE name = 'last_alive'";
    let text: Option<String> = connection.query_row(sql, [], |row| row.get(0)).optional().unwrap();
    DateTime::parse_from_rfc3339(&text.unwrap()).unwrap().to_utc()
}

fn outages(discovery: &Discovery) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let connection = Connection::open(discovery.database()).unwrap();
    let mut statement = connection.prepare("SELECT began_at, ended_at FROM discovery_outages ORDER BY 1").unwrap();
    let read = |text: String| DateTime::parse_from_rfc3339(&text).unwrap().to_utc();
    let rows = statement.query_map([], |row| Ok((read(row.get(0)?), read(row.get(1)?)))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[actix_web::test]
async fn the_time_between_a_kill_and_the_next_start_is_an_outage() {
    let mut discovery = Options::new().on_sqlite().flag("--alive-interval-seconds=0.02").start().await;
    assert_eq!(outages(&discovery), []);
    let began = last_alive(&discovery);
    discovery.until_found("signs of life", || (last_alive(&discovery) > began).then_some(())).await;
    discovery.kill();
    let (killed, noted) = (Utc::now(), last_alive(&discovery));
    discovery.restart().await;
    let found = outages(&discovery);
    assert_eq!((found.len(), found[0].0), (1, noted));
    assert!(found[0].1 > killed, "{found:?}");
}

#[actix_web::test]
async fn an_orderly_stop_is_the_last_sign_of_life() {
    let mut discovery = Options::new().on_sqlite().flag("--alive-interval-seconds=3600").start().await;
    let asked = Utc::now();
    assert!(last_alive(&discovery) < asked);
    discovery.stop().await;
    // Kept to the millisecond.
    assert!(last_alive(&discovery).timestamp_millis() >= asked.timestamp_millis());
}

#[actix_web::test]
async fn signs_of_life_without_a_pause_are_refused() {
    let refusal = Options::new().flag("--alive-interval-seconds=0").run("serve").await;
    assert!(refusal.stderr.contains("it must be more than 0"), "{}", refusal.stderr);
}
