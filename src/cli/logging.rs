//! Log lines, on stderr.

use std::io::{self, IsTerminal, Write};

use anyhow::anyhow;
use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::LogFormat;

/// What other crates say too often for operators, unless the filter names them itself.
const QUIETER: &str = "actix_server=warn,sea_orm_migration=warn";

/// Lets log lines through `filter` to stderr; `screen` makes room for them where it shows bars.
pub(super) fn start(filter: &str, format: LogFormat, screen: Option<MultiProgress>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIETER},{filter}"))
        .map_err(|_| anyhow!("'{filter}' is no log filter; it should look like `info` or `info,discovery=debug`."))?;
    let writer = match screen {
        Some(screen) => BoxMakeWriter::new(move || Beside(screen.clone())),
        None => BoxMakeWriter::new(io::stderr),
    };
    let has_colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(has_colours).with_writer(writer);
    let started = match format {
        LogFormat::Pretty => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    started.map_err(|error| anyhow!("The log cannot be started: {error}"))
}

/// Writes to stderr while the bars are out of the way.
struct Beside(MultiProgress);

impl Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
