//! Which live actors somebody wants to see, and in which order.

use std::cmp::Ordering;

use serde::Deserialize;

use super::extract::{ACTOR_LIMIT, Query, actor_limit};
use super::problem::Problem;
use super::view::{ActorView, ActorsView, kind_word};
use super::{Edge, now};
use crate::actors::{ActorKind, ActorLook};

/// How two actors compare by one column.
type Compare = fn(&ActorLook, &ActorLook) -> Ordering;

/// The columns that a list can be sorted by.
const COLUMNS: [(&str, Compare); 16] = [
    ("kind", |a, b| a.kind.cmp(&b.kind)),
    ("id", |a, b| a.id.cmp(&b.id)),
    ("arbiter", |a, b| a.arbiter.cmp(&b.arbiter)),
    ("state", |a, b| a.state.cmp(b.state)),
    ("messages_waiting", |a, b| a.messages_waiting.cmp(&b.messages_waiting)),
    ("messages_handled", |a, b| a.messages_handled.cmp(&b.messages_handled)),
    ("restarts", |a, b| a.restarts.cmp(&b.restarts)),
    ("started_at", |a, b| a.started_at.cmp(&b.started_at)),
    ("age_seconds", |a, b| b.started_at.cmp(&a.started_at)),
    ("last_message", |a, b| a.last_message.map(|last| last.message).cmp(&b.last_message.map(|last| last.message))),
    ("last_message_at", |a, b| a.last_message.map(|last| last.at).cmp(&b.last_message.map(|last| last.at))),
    ("last_event_at", |a, b| a.last_event_at.cmp(&b.last_event_at)),
    ("subscribers", |a, b| a.subscribers.cmp(&b.subscribers)),
    ("open_call_since", |a, b| a.open_call_since.cmp(&b.open_call_since)),
    ("next_timer_at", |a, b| a.next_timer_at.cmp(&b.next_timer_at)),
    ("stuck", |a, b| a.is_stuck.cmp(&b.is_stuck)),
];

/// The kinds that a list can be of.
const KINDS: [ActorKind; 3] = [ActorKind::Execution, ActorKind::Registry, ActorKind::Session];

/// What was asked for, as it was written.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    kind: Option<String>,
    state: Option<String>,
    stuck: Option<bool>,
    sort: Option<String>,
    limit: Option<u64>,
}

/// Which actors, and in which order.
#[derive(Clone, Debug)]
pub(super) struct ActorFilter {
    kind: Option<ActorKind>,
    state: Option<String>,
    only_stuck: bool,
    /// The column, and whether it is turned around.
    column: Option<(Compare, bool)>,
    limit: usize,
}

impl ActorFilter {
    /// Reads the query parameters of a request.
    pub(super) fn read(query: &Query) -> Result<Self, Problem> {
        let text = |name| Ok::<_, Problem>(query.text(name)?.map(str::to_owned));
        let asked = Asked {
            kind: text("kind")?,
            state: text("state")?,
            stuck: Some(query.flag("stuck")?),
            sort: text("sort")?,
            limit: Some(actor_limit(query)?),
        };
        Self::of(asked).map_err(|wrong| Problem::malformed(format!("The query parameter {wrong}")))
    }

    /// Takes what was asked for; the error is a sentence that begins with the name of what is wrong.
    pub(super) fn of(asked: Asked) -> Result<Self, String> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let limit = match asked.limit {
            Some(0) => return Err("`limit` must be at least 1.".to_owned()),
            limit => limit.unwrap_or(ACTOR_LIMIT.0).min(ACTOR_LIMIT.1),
        };
        Ok(Self {
            kind: given(asked.kind).map(|word| kind_of(&word)).transpose()?,
            state: given(asked.state),
            only_stuck: asked.stuck.unwrap_or(false),
            column: given(asked.sort).map(|sort| column_of(&sort)).transpose()?,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        })
    }

    /// The live actors that it asks for.
    pub(super) fn list(&self, edge: &Edge) -> ActorsView {
        let mut actors = edge.runtime.actors(self.kind);
        actors.retain(|actor| {
            self.state.as_ref().is_none_or(|state| actor.state == state) && (actor.is_stuck || !self.only_stuck)
        });
        let total = actors.len();
        if total > self.limit {
            // Only those are put in order that are shown, however many sessions there are.
            actors.select_nth_unstable_by(self.limit, |a, b| self.compare(a, b));
            actors.truncate(self.limit);
        }
        actors.sort_unstable_by(|a, b| self.compare(a, b));
        let now = now();
        ActorsView { actors: actors.iter().map(|actor| ActorView::new(actor, now)).collect(), total }
    }

    /// The order: by the column, or else those that are stuck first and sessions last.
    fn compare(&self, a: &ActorLook, b: &ActorLook) -> Ordering {
        let order = match self.column {
            Some((compare, false)) => compare(a, b),
            Some((compare, true)) => compare(b, a),
            None => {
                let by_kind = b.is_stuck.cmp(&a.is_stuck).then(a.kind.cmp(&b.kind));
                by_kind.then(a.last_event_at.cmp(&b.last_event_at))
            }
        };
        order.then_with(|| a.id.cmp(&b.id))
    }
}

fn kind_of(word: &str) -> Result<ActorKind, String> {
    let found = KINDS.into_iter().find(|kind| kind_word(*kind) == word);
    found.ok_or_else(|| format!("`kind` must be one of {}.", KINDS.map(kind_word).join(", ")))
}

/// The column that `sort` names; `-` before it turns it around.
fn column_of(sort: &str) -> Result<(Compare, bool), String> {
    let (column, is_reversed) = sort.strip_prefix('-').map_or((sort, false), |column| (column, true));
    let Some((_, compare)) = COLUMNS.iter().find(|(name, _)| *name == column) else {
        return Err(format!("`sort` must be one of {}.", COLUMNS.map(|(name, _)| name).join(", ")));
    };
    Ok((*compare, is_reversed))
}
