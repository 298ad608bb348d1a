//! What is kept about Discovery itself, on SQLite.

use chrono::DateTime;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};

use super::{Batch, time};
use crate::domain::{Outage, Timestamp};
use crate::journal::settings::{LAST_ALIVE, SettingWrite, outages_at};
use crate::journal::store::Outcome;
use crate::journal::writer::Written;

impl Batch<'_> {
    pub(super) fn keep(&self, write: &SettingWrite) -> rusqlite::Result<Outcome> {
        match write {
            SettingWrite::Once { name, value } => {
                self.run(&self.statements.insert_setting, params![name, value])?;
                Ok(Ok(Written::Kept(self.setting(name)?.unwrap_or_default())))
            }
            SettingWrite::BeginLife { at } => self.begin_life(*at),
            SettingWrite::Alive { at } => self.note_alive(*at),
        }
    }

    fn setting(&self, name: &str) -> rusqlite::Result<Option<String>> {
        self.connection.prepare_cached(&self.statements.setting)?.query_row([name], |row| row.get(0)).optional()
    }

    fn note_alive(&self, at: Timestamp) -> rusqlite::Result<Outcome> {
        self.run(&self.statements.put_setting, params![LAST_ALIVE, at.to_string()])?;
        Ok(Ok(Written::Done))
    }

    fn begin_life(&self, at: Timestamp) -> rusqlite::Result<Outcome> {
        let last_alive = self.setting(LAST_ALIVE)?;
        let outages = match outages_at(at, last_alive.as_deref(), self.outages()?) {
            Ok(outages) => outages,
            Err(damaged) => return Ok(Err(damaged)),
        };
        self.run(&self.statements.delete_outages, [])?;
        for outage in outages.as_slice() {
            self.run(&self.statements.insert_outage, params![time(outage.from), time(outage.to)])?;
        }
        self.note_alive(at)
    }

    fn outages(&self) -> rusqlite::Result<Vec<Outage>> {
        let mut statement = self.connection.prepare_cached(&self.statements.outages)?;
        let rows = statement.query_map([], |row| Ok(Outage { from: moment(row, 0)?, to: moment(row, 1)? }))?;
        rows.collect()
    }
}

fn moment(row: &Row<'_>, place: usize) -> rusqlite::Result<Timestamp> {
    let text: String = row.get(place)?;
    let read = DateTime::parse_from_rfc3339(&text).map(|at| Timestamp::new(at.to_utc()));
    read.map_err(|error| rusqlite::Error::FromSqlConversionFailure(place, Type::Text, Box::new(error)))
}
