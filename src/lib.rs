//! Audits conversation logs against Meta's messaging policy as it stood at the moment of each send.
//!
//! Events go into a [`Replay`], which knows a [`Policy`], and every send comes out with a [`Verdict`]: allowed by a
//! permission, a violation of rules, or unproven. The same replay answers a sender that asks before it sends; see
//! [`replay`] for an example. [`audit::Audit`] does that to whole logs and turns verdicts into findings for a person.
//!
//! # The map of the house
//!
//! Who may know whom; a test holds it.
//!
//! ```text
//! main -> cli -> { source -> event,  audit -> { replay -> { policy -> event },  report -> finding } }
//! ```
//!
//! - [`event`]: one thing that happened in one conversation. Readers make events, the replay judges them, and neither
//!   knows the other. [`time`] stands below it and counts elapsed milliseconds; beside it the private `secret` says how
//!   credentials and people are shown, the private `harmless` which characters are spelt out lest they act on a terminal,
//!   and the private `scan` looks through text quickly.
//! - [`survey`]: what all records show together, so that conversations can be judged apart. [`store`] keeps events in
//!   private temporary files where they are more than the memory should hold.
//! - [`source`]: whatever file comes in, events come out, packed into [`batch`]es; what cannot be read is an item of
//!   its own. Records that are half an event (a request, its response, a second name of a user) are put together once
//!   everything is read, whatever format they came in. A new log format is one new file there. The canonical record is
//!   written there too.
//! - [`policy`]: the dated rows, read from one TOML table. A change by Meta is an edit of that table and of nothing else.
//! - [`replay`]: the core. Conversations remember facts, the policy holds terms, and a send is judged by the terms of its
//!   own day. No file, no clock, no global.
//! - [`content`]: reads whether a text promotes and which words show it; its lexicon is data. It knows no log.
//! - [`rule`]: the names of the ways to break the policy, and what each means at length.
//! - [`audit`]: where reading, judging and reporting meet: orders events, drops duplicates, puts verdicts into words.
//! - [`finding`]: what the audit tells a report, as plain facts and sentences.
//! - [`report`]: findings to bytes. A new report format is one new file there.
//! - The program, feature `cli`: arguments, the terminal and exit codes. Nothing below it knows a terminal or reads a
//!   clock, and without the feature the crate depends on no crate that does.

pub mod audit;
pub mod batch;
pub mod content;
pub mod event;
pub mod finding;
mod harmless;
pub mod policy;
pub mod replay;
pub mod report;
pub mod rule;
mod scan;
mod secret;
pub mod source;
pub mod store;
pub mod survey;
pub mod time;

pub use event::{Channel, Event, Kind, Place};
pub use policy::Policy;
pub use replay::{Replay, ReplayOptions, Verdict};
pub use rule::{Rule, Severity};
pub use time::Time;

/// The README's code is compiled and run as a test of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
