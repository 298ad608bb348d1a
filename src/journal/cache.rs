//! What the journal keeps in memory: definitions, of which a version never changes, and long strings.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::domain::{Workflow, WorkflowId};
use crate::payload::{Payload, Sha256Hash};

/// Versions of workflows that are kept.
const VERSIONS_MAX: usize = 1_000;
/// Workflows whose newest version is known.
const NEWEST_MAX: usize = 1_000;
/// Long strings that are kept, in bytes.
const PAYLOAD_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Long strings that the cache makes room for at first.
const PAYLOADS_ESTIMATED: usize = 16;

#[derive(Clone, Debug)]
struct TextWeighter;

impl Weighter<Sha256Hash, Arc<str>> for TextWeighter {
    fn weight(&self, _hash: &Sha256Hash, text: &Arc<str>) -> u64 {
        // A length fits 64 bits.
        text.len() as u64
    }
}

#[derive(Debug)]
pub(super) struct Caches {
    versions: Cache<(WorkflowId, u64), Arc<Workflow>>,
    payloads: Cache<Sha256Hash, Arc<str>, TextWeighter>,
    newest: Mutex<Newest>,
}

/// The newest versions of visible workflows, as far as they were asked for.
#[derive(Debug, Default)]
struct Newest {
    /// Counts the changes of definitions: what was read before a change is not kept after it.
    changes: u64,
    workflows: HashMap<WorkflowId, Arc<Workflow>>,
}

impl Default for Caches {
    fn default() -> Self {
        Self {
            versions: Cache::new(VERSIONS_MAX),
            payloads: Cache::with_weighter(PAYLOADS_ESTIMATED, PAYLOAD_BYTES_MAX, TextWeighter),
            newest: Mutex::default(),
        }
    }
}

impl Caches {
    pub(super) fn version(&self, id: WorkflowId, version: u64) -> Option<Arc<Workflow>> {
        self.versions.get(&(id, version))
    }

    pub(super) fn keep_version(&self, workflow: &Arc<Workflow>) {
        self.versions.insert((workflow.id, workflow.version), Arc::clone(workflow));
    }

    pub(super) fn payload(&self, hash: &Sha256Hash) -> Option<Arc<str>> {
        self.payloads.get(hash)
    }

    pub(super) fn keep_payload(&self, hash: Sha256Hash, text: &Arc<str>) {
        self.payloads.insert(hash, Arc::clone(text));
    }

    pub(super) fn keep_payloads(&self, payloads: &[Payload]) {
        payloads.iter().for_each(|payload| self.keep_payload(payload.hash, &payload.text));
    }

    fn newest(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest version of `id`, or else the number of changes so far, to be handed to [`Caches::keep_newest`].
    pub(super) fn newest_workflow(&self, id: WorkflowId) -> Result<Arc<Workflow>, u64> {
        let newest = self.newest();
        newest.workflows.get(&id).map(Arc::clone).ok_or(newest.changes)
    }

    /// Keeps `workflow` as the newest of its id, unless a definition changed since `changes` was read.
    pub(super) fn keep_newest(&self, workflow: &Arc<Workflow>, changes: u64) {
        let mut newest = self.newest();
        if newest.changes == changes {
            if newest.workflows.len() >= NEWEST_MAX {
                newest.workflows.clear();
            }
            newest.workflows.insert(workflow.id, Arc::clone(workflow));
        }
    }

    /// Forgets what is known of `id`: its definition is being changed, or was.
    pub(super) fn forget_newest(&self, id: WorkflowId) {
        let mut newest = self.newest();
        newest.changes += 1;
        newest.workflows.remove(&id);
    }
}
