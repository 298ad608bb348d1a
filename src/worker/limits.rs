//! Every bound of the kit, with its unit; those that a service may want to change are settings of
//! [`Pioneer`](super::Pioneer).

/// The largest body of a call: documents come in it as base64. A setting.
pub const CALL_BODY_BYTES_MAX_DEFAULT: usize = 256 * 1024 * 1024;

/// How long a step's answer waits for its last reports to arrive. A setting.
pub const REPORT_FLUSH_MS_DEFAULT: u64 = 2_000;

/// How long Discovery may take to acknowledge one report.
pub const REPORT_TIMEOUT_MS: u64 = 5_000;

/// How often one report is sent before it is given up.
pub const REPORT_TRIES_MAX: u32 = 3;

/// How often the completion of a step that answered 202 is sent: nothing else tells its outcome,
/// and with the waits below this outlasts a restart of Discovery (about two minutes).
pub const ACCEPTED_COMPLETION_TRIES_MAX: u32 = 30;

/// The wait before a report is sent a second time; it doubles each time …
pub const REPORT_RETRY_MS_FIRST: u64 = 100;

/// … up to this.
pub const REPORT_RETRY_MS_MAX: u64 = 5_000;

/// How much of Discovery's acknowledgement is read: only so that the connection can be used again.
pub const REPORT_ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// How long an idle connection is kept for the next call. Discovery drops its idle ones after 4 s, and must always
/// be the first to do so.
pub const KEEP_ALIVE_SECONDS: u64 = 75;

/// How long steps that run may go on once the service was told to stop.
pub const SHUTDOWN_SECONDS: u64 = 30;

/// The longest name of a step, in characters.
pub const STEP_NAME_CHARS_MAX: usize = 128;
