//! The audit with the allocator of the system.
//!
//! usage: audit_system LOG REPORT

#[global_allocator]
static ALLOCATOR: std::alloc::System = std::alloc::System;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    choices::audit()
}
