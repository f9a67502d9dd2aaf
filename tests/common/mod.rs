//! What several test programs share. Each of them uses only a part of it.
#![allow(dead_code)]

pub(crate) mod render;
pub(crate) mod script;
