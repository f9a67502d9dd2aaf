//! Audits conversation logs against Meta's messaging policy as it stood at the moment of each send.

pub mod batch;
pub mod event;
pub mod source;
pub mod time;

pub use event::{Channel, Event, Kind, Place};
pub use time::Time;
