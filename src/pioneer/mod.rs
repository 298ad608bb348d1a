//! Calls to Pioneer, the workers' HTTP service: what is asked, what an answer means, and how many calls are open.

mod client;
mod gate;
mod protocol;
mod restart;
mod token;

pub use client::{AvailableSteps, Delivery, Heartbeat, PioneerClient, available_steps};
pub use gate::{CallGate, CallPermit, GateCounts, HandlerCounts};
pub use protocol::{StepCall, percent_encoded};
pub use restart::Refusals;
pub use token::{Forged, STEP_TOKEN, TokenKey};
