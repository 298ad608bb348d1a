//! Every bound and interval of the server, in one place: each is a setting with one default.
//!
//! Bounds of the core (lengths of names, numbers of steps) stand beside the types that they bound.

use std::num::ParseFloatError;
use std::time::Duration;

use clap::Args;

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|error: ParseFloatError| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// For what is done again and again, which must not be all that is done.
fn some_seconds(text: &str) -> Result<Duration, String> {
    let duration = seconds(text)?;
    if duration.is_zero() { Err("it must be more than 0".to_owned()) } else { Ok(duration) }
}

/// The longest string, in bytes of UTF-8, that stands where it belongs, unless a setting says otherwise.
pub const PAYLOAD_BYTES: usize = 16 * 1024;

/// The bounds and intervals that a server keeps to.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Bounds and intervals (seconds, fractions allowed)")]
pub struct Limits {
    /// The largest body of a request, and of a worker's answer, in bytes.
    #[arg(long, env = "DISCOVERY_MAX_BODY_BYTES", default_value_t = 64 * 1024 * 1024, hide_env_values = true)]
    pub max_body_bytes: usize,
    /// A string longer than this, in bytes of UTF-8, is kept once, by its SHA-256.
    #[arg(long, env = "DISCOVERY_PAYLOAD_BYTES", default_value_t = PAYLOAD_BYTES, hide_env_values = true)]
    pub payload_bytes: usize,
    /// Calls to Pioneer that may be open at once, for one handler; it also leaves as much room to others as it takes.
    #[arg(long, env = "DISCOVERY_CALLS_PER_HANDLER_MAX", default_value_t = 256, hide_env_values = true)]
    pub calls_per_handler_max: usize,
    /// Calls to Pioneer that may be open at once, in all.
    #[arg(long, env = "DISCOVERY_CALLS_MAX", default_value_t = 1_024, hide_env_values = true)]
    pub calls_max: usize,
    /// Calls to Pioneer that may wait for their turn before new starts are refused.
    #[arg(long, env = "DISCOVERY_CALLS_WAITING_MAX", default_value_t = 10_000, hide_env_values = true)]
    pub calls_waiting_max: usize,
    /// How long a connection to Pioneer may take to be made.
    #[arg(long = "connect-timeout-seconds", env = "DISCOVERY_CONNECT_TIMEOUT_SECONDS", default_value = "5", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub connect_timeout: Duration,
    /// How long a worker that refuses connections is taken to be restarting, which uses up no attempt.
    #[arg(long = "worker-restart-grace-seconds", env = "DISCOVERY_WORKER_RESTART_GRACE_SECONDS", default_value = "60", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub worker_restart_grace: Duration,
    /// How long an idle connection to Pioneer is kept; below what common servers keep.
    #[arg(long = "worker-keep-alive-seconds", env = "DISCOVERY_WORKER_KEEP_ALIVE_SECONDS", default_value = "4", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub worker_keep_alive: Duration,
    /// How long `GET /steps` of Pioneer may take.
    #[arg(long = "available-steps-timeout-seconds", env = "DISCOVERY_AVAILABLE_STEPS_TIMEOUT_SECONDS", default_value = "5", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub available_steps_timeout: Duration,
    /// How long the database and the workers may take to answer `/ready`.
    #[arg(long = "ready-timeout-seconds", env = "DISCOVERY_READY_TIMEOUT_SECONDS", default_value = "1", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub ready_timeout: Duration,
    /// Messages that may wait for, or be answered by, one execution at once.
    #[arg(long, env = "DISCOVERY_EXECUTION_MESSAGES_MAX", default_value_t = 256, hide_env_values = true)]
    pub execution_messages_max: usize,
    /// Commits that may wait for the journal before new starts are refused.
    #[arg(long, env = "DISCOVERY_JOURNAL_QUEUE_MAX", default_value_t = 10_000, hide_env_values = true)]
    pub journal_queue_max: usize,
    /// How long a request waits for the commit that it needs.
    #[arg(long = "request-timeout-seconds", env = "DISCOVERY_REQUEST_TIMEOUT_SECONDS", default_value = "10", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub request_timeout: Duration,
    /// Reports of progress of one step that come within this time share one event.
    #[arg(long = "progress-interval-seconds", env = "DISCOVERY_PROGRESS_INTERVAL_SECONDS", default_value = "0.05", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub progress_interval: Duration,
    /// How long an execution that only waits keeps its actor.
    #[arg(long = "passivate-after-seconds", env = "DISCOVERY_PASSIVATE_AFTER_SECONDS", default_value = "60", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub passivate_after: Duration,
    /// The wait before a crashed actor is started again; it doubles with each crash in a row.
    #[arg(long = "restart-backoff-seconds", env = "DISCOVERY_RESTART_BACKOFF_SECONDS", default_value = "0.1", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub restart_backoff: Duration,
    /// Crashes within `crash_window` that park an execution.
    #[arg(long, env = "DISCOVERY_CRASHES_MAX", default_value_t = 5, hide_env_values = true)]
    pub crashes_max: usize,
    /// See `crashes_max`.
    #[arg(long = "crash-window-seconds", env = "DISCOVERY_CRASH_WINDOW_SECONDS", default_value = "60", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub crash_window: Duration,
    /// How often the timers of sleeping executions that ring soon are looked up.
    #[arg(long = "wake-look-interval-seconds", env = "DISCOVERY_WAKE_LOOK_INTERVAL_SECONDS", default_value = "30", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub wake_look_interval: Duration,
    /// Executions that are woken at once.
    #[arg(long, env = "DISCOVERY_RECOVERY_BATCH", default_value_t = 256, hide_env_values = true)]
    pub recovery_batch: usize,
    /// Events that wait for one subscriber before it is dropped.
    #[arg(long, env = "DISCOVERY_SESSION_BUFFER_EVENTS", default_value_t = 1_024, hide_env_values = true)]
    pub session_buffer_events: usize,
    /// How often a process notes that it is there; a part of this time counts as an outage when it dies.
    #[arg(long = "alive-interval-seconds", env = "DISCOVERY_ALIVE_INTERVAL_SECONDS", default_value = "5", value_parser = some_seconds, hide_env_values = true, value_name = "SECONDS")]
    pub alive_interval: Duration,
    /// Bytes of events that wait for one subscriber before it is dropped; a single event may be longer.
    #[arg(long, env = "DISCOVERY_SESSION_BUFFER_BYTES", default_value_t = 16 * 1024 * 1024, hide_env_values = true)]
    pub session_buffer_bytes: usize,
    /// Events that wait for a subscriber of all executions before it is dropped.
    #[arg(long, env = "DISCOVERY_SESSION_ALL_BUFFER_EVENTS", default_value_t = 16_384, hide_env_values = true)]
    pub session_all_buffer_events: usize,
    /// Events that are read at once from the log for a subscriber that catches up; fewer where they are long.
    #[arg(long, env = "DISCOVERY_SESSION_PAGE_EVENTS", default_value_t = 256, hide_env_values = true)]
    pub session_page_events: usize,
    /// WebSockets and event streams that may be open at once.
    #[arg(long, env = "DISCOVERY_SESSIONS_MAX", default_value_t = 20_000, hide_env_values = true)]
    pub sessions_max: usize,
    /// Executions that one WebSocket may be subscribed to at once.
    #[arg(long, env = "DISCOVERY_SESSION_SUBSCRIPTIONS_MAX", default_value_t = 1_000, hide_env_values = true)]
    pub session_subscriptions_max: usize,
    /// The largest message that a WebSocket client may send, in one frame or in many.
    #[arg(long, env = "DISCOVERY_SESSION_MESSAGE_BYTES_MAX", default_value_t = 64 * 1024, hide_env_values = true)]
    pub session_message_bytes_max: usize,
    /// What the operating system may hold back of what was sent to one subscriber, in bytes.
    #[arg(long, env = "DISCOVERY_SESSION_SOCKET_BYTES", default_value_t = 256 * 1024, hide_env_values = true)]
    pub session_socket_bytes: usize,
    /// How often a subscriber is pinged.
    #[arg(long = "session-ping-seconds", env = "DISCOVERY_SESSION_PING_SECONDS", default_value = "15", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub session_ping_interval: Duration,
    /// How long a WebSocket client may send nothing, not even a pong.
    #[arg(long = "session-silence-seconds", env = "DISCOVERY_SESSION_SILENCE_SECONDS", default_value = "45", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub session_silence_timeout: Duration,
    /// How long a subscriber may take nothing while events wait for it.
    #[arg(long = "session-stall-seconds", env = "DISCOVERY_SESSION_STALL_SECONDS", default_value = "10", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub session_stall_timeout: Duration,
    /// How long a subscriber that was told the end may take to take it.
    #[arg(long = "session-close-seconds", env = "DISCOVERY_SESSION_CLOSE_SECONDS", default_value = "5", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub session_close_timeout: Duration,
    /// How often an operator who watches the actors is told how they stand.
    #[arg(long = "admin-interval-seconds", env = "DISCOVERY_ADMIN_INTERVAL_SECONDS", default_value = "1", value_parser = some_seconds, hide_env_values = true, value_name = "SECONDS")]
    pub admin_interval: Duration,
    /// How long an orderly stop waits for what runs.
    #[arg(long = "stop-timeout-seconds", env = "DISCOVERY_STOP_TIMEOUT_SECONDS", default_value = "30", value_parser = seconds, hide_env_values = true, value_name = "SECONDS")]
    pub stop_timeout: Duration,
}

#[cfg(test)]
impl Limits {
    /// The defaults, for tests that set a few.
    pub(crate) fn for_tests() -> Self {
        #[derive(clap::Parser)]
        struct Defaults {
            #[command(flatten)]
            limits: Limits,
        }
        <Defaults as clap::Parser>::parse_from(["discovery"]).limits
    }
}
