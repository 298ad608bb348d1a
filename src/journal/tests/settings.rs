//! What is kept about Discovery itself: outages and secrets.

use chrono::{DateTime, TimeDelta};

use super::*;
use crate::domain::{OUTAGES_MAX, Outage, Outages};

fn at(seconds: i64) -> Timestamp {
    Timestamp::new(DateTime::UNIX_EPOCH + TimeDelta::milliseconds(1_800_000_000_123 + 1_000 * seconds))
}

fn outages(spans: &[(i64, i64)]) -> Outages {
    Outages::new(spans.iter().map(|(from, to)| Outage { from: at(*from), to: at(*to) }))
}

#[tokio::test]
async fn the_time_between_two_processes_is_an_outage() {
    for database in Scratch::all().await {
        let mut journal = open(&database).await.unwrap();
        assert_eq!(journal.begin_life(at(0)).await.unwrap(), Outages::default(), "there was none before");
        for (life, expected) in [(30, &[(20, 30)][..]), (60, &[(20, 30), (50, 60)][..])] {
            journal.note_alive(at(life - 20)).await.unwrap();
            journal.note_alive(at(life - 10)).await.unwrap();
            journal.close().await;
            journal = open(&database).await.unwrap();
            for _ in 0..2 {
                assert_eq!(journal.begin_life(at(life)).await.unwrap(), outages(expected), "written again too");
            }
        }
        // It died before it gave another sign of life: its beginning was one.
        assert_eq!(journal.begin_life(at(70)).await.unwrap(), outages(&[(20, 30), (50, 70)]));
        let back = journal.begin_life(at(65)).await.unwrap();
        assert_eq!(back, outages(&[(20, 30), (50, 70)]), "the clock was put back");
        assert_eq!(journal.begin_life(at(90)).await.unwrap(), outages(&[(20, 30), (50, 90)]), "from the new time on");
    }
}

#[tokio::test]
async fn outages_are_remembered_for_as_long_as_something_may_wait_and_never_without_end() {
    for database in Scratch::all().await {
        let journal = open(&database).await.unwrap();
        let year = 366 * 24 * 60 * 60;
        journal.begin_life(at(0)).await.unwrap();
        journal.begin_life(at(10)).await.unwrap();
        journal.note_alive(at(year)).await.unwrap();
        assert_eq!(journal.begin_life(at(year + 5)).await.unwrap(), outages(&[(0, 10), (year, year + 5)]));
        journal.note_alive(at(year + 15)).await.unwrap();
        let kept = journal.begin_life(at(year + 20)).await.unwrap();
        assert_eq!(kept, outages(&[(year, year + 5), (year + 15, year + 20)]));

        let short = |n: usize| Outage { from: at(2 * year + 2 * n as i64), to: at(2 * year + 2 * n as i64 + 1) };
        let rows = (0..OUTAGES_MAX).map(short).map(|outage| entity::outage::Model {
            began_at: outage.from.as_datetime(),
            ended_at: outage.to.as_datetime(),
        });
        for some in rows.collect::<Vec<_>>().chunks(1_000) {
            let some = some.iter().cloned().map(sea_orm::IntoActiveModel::into_active_model);
            entity::outage::Entity::insert_many(some).exec(&journal.0.reads).await.unwrap();
        }
        let last = at(2 * year + 2 * OUTAGES_MAX as i64);
        journal.note_alive(last).await.unwrap();
        let end = at(2 * year + 2 * OUTAGES_MAX as i64 + 1);
        let kept = journal.begin_life(end).await.unwrap();
        assert_eq!(kept.as_slice().len(), OUTAGES_MAX);
        assert_eq!(kept.as_slice()[0], Outage { from: short(0).from, to: short(1).to });
        assert_eq!(kept.as_slice()[OUTAGES_MAX - 1], Outage { from: last, to: end });
    }
}

#[tokio::test]
async fn a_sign_of_life_that_cannot_be_read_is_told_and_not_passed_over() {
    let database = Scratch::sqlite();
    let journal = open(&database).await.unwrap();
    journal.begin_life(at(0)).await.unwrap();
    let connection = Connection::open(database.path()).unwrap();
    connection.execute("UPDATE discovery_settings SET value = 'noon'", []).unwrap();
    let refused = journal.begin_life(at(10)).await.unwrap_err();
    assert!(refused.to_string().contains("last_alive is no time"), "{refused}");
}

#[tokio::test]
async fn a_secret_is_made_once_whoever_asks() {
    for database in Scratch::all().await {
        let journal = open(&database).await.unwrap();
        let (one, other) = tokio::join!(journal.secret("one"), journal.secret("one"));
        let one = one.unwrap();
        assert_eq!(other.unwrap(), one);
        assert_ne!(journal.secret("two").await.unwrap(), one);
        journal.close().await;
        let journal = open(&database).await.unwrap();
        assert_eq!(journal.secret("one").await.unwrap(), one);
    }
}
