//! One event to all who watch an execution, by the way that it takes in a server: asked for, decided, committed, published.
//!
//! The commit is the greater part of that, so what a subscriber costs is the difference to nobody watching.

use std::cell::Cell;
use std::rc::Rc;

use actix_rt::System;
use discovery::actors::Subscription;
use discovery::domain::{Command, ExecutionId, PropertiesPatch, StartData};
use divan::Bencher;
use divan::counter::ItemsCount;
use serde_json::json;
use tokio::sync::Notify;

use crate::hand::new_id;
use crate::stage::Stage;

#[divan::bench(args = [0, 1, 100, 1_000], sample_count = 200, sample_size = 1)]
fn one_event(bencher: Bencher<'_, '_>, subscribers: usize) {
    let system = System::new();
    let watched = system.block_on(Watched::by(subscribers));
    bencher.counter(ItemsCount::new(subscribers)).bench_local(|| system.block_on(watched.tell()));
    system.block_on(watched.stage.clear());
}

/// An execution that waits, so that nothing happens to it but what is measured.
struct Watched {
    stage: Stage,
    id: ExecutionId,
    subscribers: usize,
    heard: Rc<Heard>,
}

/// How many have heard of the newest event.
#[derive(Default)]
struct Heard {
    count: Cell<usize>,
    more: Notify,
}

impl Watched {
    async fn by(subscribers: usize) -> Self {
        let stage = Stage::set("manual").await;
        let id = ExecutionId(new_id());
        stage.start(id, StartData::default()).await;
        let heard = Rc::new(Heard::default());
        for _ in 0..subscribers {
            actix_rt::spawn(listen(stage.runtime.subscribe(id), Rc::clone(&heard)));
        }
        Self { stage, id, subscribers, heard }
    }

    /// Has one event happen, and waits until everybody has heard of it.
    async fn tell(&self) {
        self.heard.count.set(0);
        let patch = PropertiesPatch::parse(&json!({"custom_status": new_id()})).unwrap();
        self.stage.runtime.ask(self.id, Command::SetProperties(patch), Vec::new()).await.unwrap();
        while self.heard.count.get() < self.subscribers {
            self.heard.more.notified().await;
        }
    }
}

async fn listen(mut subscription: Subscription, heard: Rc<Heard>) {
    while subscription.next().await.is_some() {
        heard.count.update(|count| count + 1);
        heard.more.notify_one();
    }
}
