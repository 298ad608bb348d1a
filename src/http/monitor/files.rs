//! The monitor's files.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use actix_web::http::header::EntityTag;
use sha2::{Digest, Sha256};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// A file of the page.
pub(super) struct Asset {
    /// The last segment of its path.
    pub(super) name: &'static str,
    /// Its media type.
    pub(super) media: &'static str,
    /// What is in it.
    pub(super) text: &'static str,
}

macro_rules! asset {
    ($media:expr, $name:literal) => {
        Asset { name: $name, media: $media, text: include_str!(concat!("assets/", $name)) }
    };
}

/// The page itself.
pub(super) const PAGE: Asset = asset!("text/html; charset=utf-8", "index.html");

/// What the page loads.
pub(super) const FILES: &[Asset] = &[
    asset!(SCRIPT, "actions.js"),
    asset!(STYLE, "actors.css"),
    asset!(SCRIPT, "actors.js"),
    asset!(SCRIPT, "actors_detail.js"),
    asset!(SCRIPT, "actors_feed.js"),
    asset!(SCRIPT, "actors_numbers.js"),
    asset!(SCRIPT, "actors_rows.js"),
    asset!(SCRIPT, "api.js"),
    asset!(SCRIPT, "app.js"),
    asset!(STYLE, "base.css"),
    asset!(SCRIPT, "connection.js"),
    asset!(SCRIPT, "dialogs.js"),
    asset!(SCRIPT, "dom.js"),
    asset!(SCRIPT, "drop.js"),
    asset!(SCRIPT, "event_words.js"),
    asset!(STYLE, "execution.css"),
    asset!(SCRIPT, "execution.js"),
    asset!(SCRIPT, "facts.js"),
    asset!(SCRIPT, "feed.js"),
    asset!(SCRIPT, "i18n.js"),
    asset!(PICTURE, "icon.svg"),
    asset!(SCRIPT, "icons.js"),
    asset!(STYLE, "list.css"),
    asset!(SCRIPT, "list.js"),
    asset!(SCRIPT, "list_rows.js"),
    asset!(STYLE, "log.css"),
    asset!(SCRIPT, "log.js"),
    asset!(SCRIPT, "pages.js"),
    asset!(STYLE, "parts.css"),
    asset!(SCRIPT, "preferences.js"),
    asset!(SCRIPT, "router.js"),
    asset!(SCRIPT, "start.js"),
    asset!(SCRIPT, "status.js"),
    asset!(SCRIPT, "steps.js"),
    asset!(SCRIPT, "timeline.js"),
    asset!(SCRIPT, "transports.js"),
    asset!(SCRIPT, "tree.js"),
    asset!(SCRIPT, "watch.js"),
    asset!(SCRIPT, "why.js"),
    asset!(SCRIPT, "why_words.js"),
    asset!(SCRIPT, "words_en.js"),
    asset!(SCRIPT, "words_es.js"),
    asset!(SCRIPT, "workflows.js"),
];

static BY_NAME: LazyLock<HashMap<&str, &Asset>> =
    LazyLock::new(|| FILES.iter().map(|asset| (asset.name, asset)).collect());

/// The file of this name.
pub(super) fn named(name: &str) -> Option<&'static Asset> {
    BY_NAME.get(name).copied()
}

/// The hashes of all files, taken once.
static TAGS: LazyLock<HashMap<&str, String>> = LazyLock::new(|| {
    let hash = |asset: &Asset| Sha256::digest(asset.text).iter().map(|byte| format!("{byte:02x}")).collect();
    FILES.iter().chain([&PAGE]).map(|asset| (asset.name, hash(asset))).collect()
});

impl Asset {
    /// What names this very text; weak, because it may be sent compressed.
    pub(super) fn tag(&self) -> EntityTag {
        EntityTag::new_weak(TAGS.get(self.name).cloned().unwrap_or_default())
    }
}

impl fmt::Debug for Asset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({} lines)", self.name, self.text.lines().count())
    }
}
