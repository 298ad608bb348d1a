//! Subscribers that are cut off again and again, while the server is killed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use rand::RngExt;
use serde_json::json;

use super::{assert_whole, log_of};
use crate::support::{Act, Discovery, End, Events, PATIENCE, Socket, Told, found_within};

const CUTS: usize = 50;

/// What a subscriber has, over all its connections.
#[derive(Clone, Default)]
struct Memory {
    told: Rc<RefCell<Vec<Told>>>,
    cuts: Rc<Cell<usize>>,
}

impl Memory {
    /// Keeps what was told, unless this was the last before the subscriber is cut off.
    fn keep(&self, told: &Told, left: &mut usize) -> bool {
        self.told.borrow_mut().push(told.clone());
        *left -= 1;
        *left > 0
    }

    fn last(&self) -> u64 {
        self.told.borrow().last().map_or(0, |told| told.seq)
    }

    /// How many events it is to be told before it is cut off.
    fn life(&self) -> usize {
        if self.cuts.get() >= CUTS { usize::MAX } else { rand::rng().random_range(1..8) }
    }

    fn cut(&self) {
        self.cuts.update(|cuts| cuts + 1);
    }
}

async fn by_socket(base: String, execution: String, memory: Memory) {
    loop {
        let url = format!("{base}/ws/{execution}?after={}", memory.last());
        let Ok(mut socket) = Socket::try_open(&url, &[]).await else { continue };
        let mut left = memory.life();
        loop {
            match socket.told().await {
                Ok(told) if memory.keep(&told, &mut left) => {}
                Ok(_) => break memory.cut(),
                Err(End::Closed(1000, _)) => return,
                Err(_) => break memory.cut(),
            }
        }
    }
}

async fn by_stream(base: String, execution: String, memory: Memory) {
    loop {
        let (url, last) = (format!("{base}/executions/{execution}/events"), memory.last().to_string());
        let Ok(mut stream) = Events::try_open("GET", &url, &[("last-event-id", &last)], "").await else { continue };
        if stream.status == 204 {
            return;
        }
        let mut left = memory.life();
        loop {
            match stream.try_next().await {
                Ok(Some(told)) if memory.keep(&told, &mut left) => {}
                Ok(Some(_)) => break memory.cut(),
                // By its end, or by that of the server: the next connection tells.
                Ok(None) | Err(_) => break,
            }
        }
    }
}

#[actix_web::test]
async fn a_subscriber_that_is_cut_off_again_and_again_has_the_whole_log_in_the_end() {
    let mut discovery = Discovery::start().await;
    let enough = Rc::new(Cell::new(false));
    let told_enough = Rc::clone(&enough);
    discovery.worker().does("a", move |call| {
        let enough = Rc::clone(&told_enough);
        async move {
            while !enough.get() {
                // The server may be dead.
                let url = format!("{}/progress", call.header("discovery-callback-url"));
                let report = awc::Client::new().post(url).send_json(&json!({"percentage": 1}));
                let _ = report.await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Act::answer(json!({}))
        }
    });
    let workflow = discovery.workflow(["a", "b"]).await;
    let execution = discovery.begin(&workflow, json!({})).await;
    let (socket, stream) = (Memory::default(), Memory::default());
    let base = discovery.http().url().to_owned();
    let subscribers = [
        tokio::task::spawn_local(by_socket(base.clone(), execution.clone(), socket.clone())),
        tokio::task::spawn_local(by_stream(base, execution.clone(), stream.clone())),
    ];
    let cuts = async |wanted: usize| {
        let cut = || async { (socket.cuts.get().min(stream.cuts.get()) >= wanted).then_some(()) };
        assert!(found_within(PATIENCE, cut).await.is_some(), "{} and {} cuts", socket.cuts.get(), stream.cuts.get());
    };
    for moment in [15, 35] {
        cuts(moment).await;
        discovery.kill();
        discovery.restart().await;
    }
    cuts(CUTS).await;
    enough.set(true);
    for subscriber in subscribers {
        subscriber.await.unwrap();
    }
    let log = log_of(&discovery, &execution).await;
    println!("{} events, cut off {} and {} times", log.len(), socket.cuts.get(), stream.cuts.get());
    assert_whole(&log);
    assert_eq!(*socket.told.borrow(), log);
    assert_eq!(*stream.told.borrow(), log);
}
