//! Audits conversation logs against Meta's messaging policy as it stood at the moment of each send.

pub mod audit;
pub mod batch;
pub mod event;
pub mod finding;
pub mod policy;
pub mod replay;
pub mod report;
pub mod rule;
mod secret;
pub mod source;
pub mod time;

pub use event::{Channel, Event, Kind, Place};
pub use policy::Policy;
pub use replay::{Replay, ReplayOptions, Verdict};
pub use rule::{Rule, Severity};
pub use time::Time;
