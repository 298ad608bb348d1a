//! What the journal keeps about Discovery itself: when a process was there, and secrets that outlive it.

use chrono::DateTime;
use entity::outage;
use rand::Rng;
use sea_orm::EntityTrait;
use uuid::Uuid;

use super::writer::{Job, Written};
use super::{Journal, JournalError};
use crate::domain::{Outage, Outages, Timestamp};

/// When a process was last known to be there.
pub(super) const LAST_ALIVE: &str = "last_alive";
/// What the names of secrets begin with.
const SECRET: &str = "secret.";
/// The length of a secret.
const SECRET_BYTES: usize = 32;

/// A change of what the journal keeps about Discovery itself.
#[derive(Debug)]
pub(super) enum SettingWrite {
    /// Keeps `value` under `name` unless something is kept there; answers what is kept then.
    Once { name: String, value: String },
    /// Notes that a process begins, and that there was none since the last was alive.
    BeginLife { at: Timestamp },
    /// Notes that a process is there.
    Alive { at: Timestamp },
}

impl Journal {
    /// Begins the life of this process at `now`: since the last sign of life of the one before, none was there.
    ///
    /// Gives all outages that are remembered, this one included. Doing it again changes nothing.
    pub async fn begin_life(&self, now: Timestamp) -> Result<Outages, JournalError> {
        self.keep(SettingWrite::BeginLife { at: now }).await?;
        let rows = outage::Entity::find().all(&self.0.reads).await?;
        let outage =
            |row: outage::Model| Outage { from: Timestamp::new(row.began_at), to: Timestamp::new(row.ended_at) };
        Ok(Outages::new(rows.into_iter().map(outage)))
    }

    /// Notes that this process is there at `now`, for the one after it.
    pub async fn note_alive(&self, now: Timestamp) -> Result<(), JournalError> {
        self.keep(SettingWrite::Alive { at: now }).await.map(drop)
    }

    /// The secret of this name: made when it is asked for first, and the same ever after.
    pub async fn secret(&self, name: &str) -> Result<[u8; SECRET_BYTES], JournalError> {
        let mut fresh = [0; SECRET_BYTES];
        rand::rng().fill_bytes(&mut fresh);
        let value = fresh.iter().map(|byte| format!("{byte:02x}")).collect();
        let kept = match self.keep(SettingWrite::Once { name: format!("{SECRET}{name}"), value }).await? {
            Written::Kept(kept) => kept,
            Written::Done | Written::Refused(_) => String::new(),
        };
        let byte = |place: usize| u8::from_str_radix(kept.get(2 * place..2 * place + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..SECRET_BYTES).map(byte).collect();
        // The message must not hold what is kept.
        let damaged = || JournalError::Database(format!("the setting {SECRET}{name} is damaged"));
        bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(damaged)
    }

    /// All on one lane, so that they are written in their order.
    async fn keep(&self, write: SettingWrite) -> Result<Written, JournalError> {
        self.submitted(Uuid::nil(), Job::Keep(write)).await
    }
}

/// The outages that are to be kept when a process begins at `now`, after the last was alive at `last_alive`.
///
/// A sign of life from the future says that the clock was put back; how long nobody was there is not known then.
pub(super) fn outages_at(
    now: Timestamp,
    last_alive: Option<&str>,
    known: impl IntoIterator<Item = Outage>,
) -> Result<Outages, JournalError> {
    let read = |text: &str| {
        let read = DateTime::parse_from_rfc3339(text);
        read.map_err(|error| JournalError::Database(format!("the setting {LAST_ALIVE} is no time: {error}")))
    };
    let last = last_alive.map(read).transpose()?.map(|at| Timestamp::new(at.to_utc()));
    let outage = last.map(|last| Outage { from: last, to: now });
    Ok(Outages::new(known.into_iter().chain(outage)).remembered(now))
}
